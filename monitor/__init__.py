"""Everything that runs: collectors, Kafka, the detector service, the API, the command line."""
