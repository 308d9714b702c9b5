"""What several rooms need of a deep-learning framework: one file per framework, imported only when it is used."""
