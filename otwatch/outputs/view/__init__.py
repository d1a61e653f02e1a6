"""The view model: what a person reads, in plain text and typed, selected and ordered once; terminal, HTML and Markdown only lay it out."""
