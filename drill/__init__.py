"""The scenario of the rehearsal in a real AWS account: asked first, always destroyed, and nothing left."""
