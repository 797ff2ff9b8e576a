# A file of its own: Packer before 1.7 has its builders inside and refuses this block (steps/bake.py does not give it).
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.3.0, < 2.0.0"
    }
  }
}
