"""A real Apache Kafka on loopback, for tests, benchmarks and chaos."""
