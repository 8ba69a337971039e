"""MLflow's clients and UI on Git: stores for the scheme `gitexp`, found by MLflow through entry points.

MLflow is imported here alone, and only by MLflow's own process: gitexp does not need it. The run that a
client begins is an experiment of gitexp from its first moment. What MLflow has and gitexp has not stands in
`mlflow.jsonl` of the run, see `run_facts`; MLflow's experiments and its registry of models in one ref, see
`shelf`.
"""
