# restricted.sh FOLDER COMMAND…: as a pod of ours runs it. User 65534, no capabilities, none to be
# had, a read-only root, and one folder to write to. To be run in a mount namespace of its own, as root.
set -euo pipefail
folder=$1
shift

mount --make-rprivate /
# What was fetched and built for tests may be read, from within the one folder.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/driftmeter
mkdir -p "$folder/cache/driftmeter"
chown -R 65534:65534 "$folder"
mount --bind "$folder" "$folder"
if [[ -d $cache ]]; then
    mount --bind "$cache" "$folder/cache/driftmeter"
    mount -o remount,bind,ro "$folder/cache/driftmeter"
fi
# Where Python is in root's home, it is shown without the rest of it.
python=$(readlink -f "$(dirname "$1")/python3")
if [[ $python == "$HOME"/* ]]; then
    inside=${python#"$HOME"/}
    inside=$HOME/${inside%%/*}
    kept=$(mktemp -d)
    mount --bind "$inside" "$kept"
    mount -t tmpfs -o mode=755 none "$HOME"
    mkdir "$inside"
    mount --move "$kept" "$inside"
    if [[ -d $folder/cache/driftmeter && $cache == "$HOME"/* ]]; then
        mkdir -p "$cache"  # scripts in there name their interpreter by this path
        mount --rbind "$folder/cache/driftmeter" "$cache"
    fi
fi
mount -o remount,bind,ro /
mount -o remount,bind,rw "$folder"
export TMPDIR=$folder XDG_CACHE_HOME=$folder/cache HOME=/nonexistent
export HYPOTHESIS_STORAGE_DIRECTORY=$folder/hypothesis
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all \
    --no-new-privs "$@"
