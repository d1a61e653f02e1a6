"""Where the stages meet: the pipeline, the analysis and its figures. Pure on packet time but for `Analysis.run`."""
