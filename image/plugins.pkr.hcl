# What bakes, exactly: the same scripts make the same image, whoever bakes it. tools/install_packer.sh installs this
# Packer, and a bake refuses another one (steps/image/packer.py).
packer {
  required_version = "1.16.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "1.8.2"
    }
  }
}
