"""nginx as the model server that answers at once, and as the proxy to compare with."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.http_load import answer

_HEAD = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  client_body_buffer_size 64k;
  client_max_body_size 8m;
  keepalive_requests 1000000000;
"""

_MODEL = """\
  map $content_length $answer {{ {answers} }}
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location / {{ return 200 '$answer'; }}
  }}
}}
"""

_PROXY = """\
  upstream model {{ server 127.0.0.1:{model}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
    }}
  }}
}}
"""

_GRPC_PROXY = """\
  upstream model {{ server 127.0.0.1:{model}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} http2;
    location / {{ grpc_pass grpc://model; }}
  }}
}}
"""


def model(nginx: Path, folder: Path, port: int, sizes: dict[int, int]) -> Sequence[str]:
    """A command. sizes: of the bodies that will be sent, and how many rows each has."""
    answers = " ".join(f"{size} '{answer(rows).decode()}';" for size, rows in sizes.items())
    return _command(nginx, folder, "model", _MODEL.format(port=port, answers=answers))


def proxy(nginx: Path, folder: Path, port: int, model_port: int) -> Sequence[str]:
    return _command(nginx, folder, "proxy", _PROXY.format(port=port, model=model_port))


def grpc_proxy(nginx: Path, folder: Path, port: int, model_port: int) -> Sequence[str]:
    return _command(nginx, folder, "proxy", _GRPC_PROXY.format(port=port, model=model_port))


def _command(nginx: Path, folder: Path, name: str, servers: str) -> Sequence[str]:
    own = folder / f"nginx-{name}"
    own.mkdir()
    own.chmod(0o777)  # its worker is another user
    configuration = own / "nginx.conf"
    configuration.write_text(_HEAD.format(folder=own) + servers)
    return [str(nginx), "-c", str(configuration), "-p", str(own), "-e", "stderr"]
