"""A DAG that retrains nothing, for tests: its one task needs no worker."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("retrain", schedule=None, is_paused_upon_creation=False):
    EmptyOperator(task_id="learn")
