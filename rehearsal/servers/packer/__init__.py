"""The way of a bake to Packer: a stand-in where servers are processes, a template's override where they are not."""
