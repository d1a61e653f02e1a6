"""The pipeline and the sensor loop: where the stages meet."""
