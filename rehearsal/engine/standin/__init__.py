"""A stand-in for the `pulumi` command, for machines that have none. It is not Pulumi, and says so.

It runs the project's program through the SDK's own testing seam and carries the plan out, by the engine's rules, for
the resource types that this project uses. The same small programs are run on it and on the real engine in the tests.

What it leaves out
- Resource types, functions and options that it does not know are errors: hooks, transforms, imports, `.get()`,
  explicit providers, `deleted_with`, `replace_with`, renaming by aliases, assets.
- The provider's own checks of inputs, and its diff against what exists: inputs are compared with recorded inputs. So
  drift shows only in what the program itself reads, and `refresh` renews outputs but not inputs.
- A preview knows a changed resource's other outputs where the type's table says that an update does not move them.
- Repairing what was made only in part: it is replaced by the next update, where Pulumi changes it in place.
- Fixed waits of the real AWS provider (a minute for a load balancer), and its retries.
"""
