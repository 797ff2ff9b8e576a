# How a server image is made: a vendor's base image, the scripts of provision/ in the order of their names, the checks
# of inspect/, the list of packages, and then, as the last thing, the scripts from 90 on, which seal it and install
# nothing any more. steps/image/bake.py gives the variables.

variable "region" {
  type = string
}

variable "source_ami" {
  type        = string
  description = "The vendor's base image. Never an image of ours: steps/image/bake.py refuses it."
}

variable "ami_name" {
  type        = string
  description = "SERVICE-FINGERPRINT-TIMESTAMP, 3 to 128 characters. A name that exists halts Packer."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Put on the image, its snapshots, the build instance and its volume alike."
}

variable "ssh_username" {
  type        = string
  default     = "ubuntu"
  description = "Who the base image lets in: ubuntu on Ubuntu, admin on Debian, ec2-user on Amazon Linux."
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "root_device" {
  type        = string
  default     = "/dev/sda1"
  description = "Where the base image has its root volume: /dev/sda1 on Ubuntu, /dev/xvda on Debian and Amazon Linux."
}

variable "root_gib" {
  type        = number
  default     = 8
  description = "Size of the root volume; at least what the base image has."
}

variable "encrypted" {
  type        = bool
  default     = true
  description = "Whether the image is encrypted. The disks of the servers always are."
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "The key that encrypts the image. Empty: the account's default key for volumes."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where the build instance runs. Empty: the default VPC."
}

variable "associate_public_ip_address" {
  type        = bool
  default     = true
  description = "Whether the build instance gets a public address in that subnet. False where SSH comes from inside."
}

variable "ssh_from" {
  type        = list(string)
  default     = []
  description = "CIDR blocks that may reach the build instance by SSH. Empty: only the address Packer is seen from."
}

variable "session_manager_profile" {
  type        = string
  default     = ""
  description = "An instance profile with AmazonSSMManagedEC2InstanceDefaultPolicy. With one the build instance is reached through Session Manager alone: it has no public address, and none of its ports is open."
}

variable "log_collector" {
  type        = string
  default     = "fluentd"
  description = "For provision/60-log-collector.sh, when it is there: fluentd or syslog-ng."
}

variable "log_target" {
  type        = string
  default     = ""
  description = "Where logs go: tls://HOST:PORT, HOST:PORT in clear text, or empty for files in /var/log/phoenix (kept for 7 days)."
}

variable "health_path" {
  type        = string
  default     = "/health"
  description = "What the inspection asks the application for, as the load balancer will; the same as healthCheckPath."
}

variable "manifest" {
  type    = string
  default = "packer-manifest.json"
}

variable "packages" {
  type        = string
  default     = "packer-packages.txt"
  description = "Where the list of the image's packages is written, on this machine."
}

variable "image_dir" {
  type        = string
  default     = ""
  description = "Where provision/, inspect/, common/ and app/ are. Empty: beside this file."
}

locals {
  # As HashiCorp's plugin has it (IsBurstableInstanceType); it refuses unlimited credits for any other type.
  burstable       = can(regex("^t(2|3|3a|4g)\\.", var.instance_type))
  session_manager = var.session_manager_profile != ""

  image_dir   = var.image_dir == "" ? path.root : var.image_dir
  all_scripts = sort(fileset("${local.image_dir}/provision", "*.sh"))
  scripts     = [for name in local.all_scripts : "${local.image_dir}/provision/${name}" if substr(name, 0, 1) != "9"]
  seal        = [for name in local.all_scripts : "${local.image_dir}/provision/${name}" if substr(name, 0, 1) == "9"]
  checks      = [for name in sort(fileset("${local.image_dir}/inspect", "*.sh")) : "${local.image_dir}/inspect/${name}"]

  # The list stays in the image: each server can say what it was born with.
  packages = "/etc/phoenix/packages"

  # What the scripts are told. `env` sets it behind sudo, whose own environment is empty.
  told = [
    "PHOENIX_APP=/tmp/app",
    "PHOENIX_COMMON=/tmp/common",
    "PHOENIX_HEALTH_PATH=${var.health_path}",
    "PHOENIX_REGION=${var.region}",
    "PHOENIX_PACKAGES=${local.packages}",
    "LOG_COLLECTOR=${var.log_collector}",
    "LOG_TARGET=${var.log_target}",
  ]
  run_as_root = "sudo -n env {{ .Vars }} sh {{ .Path }}"
}

source "amazon-ebs" "server" {
  region        = var.region
  source_ami    = var.source_ami
  instance_type = var.instance_type
  ami_name      = var.ami_name

  subnet_id                   = var.subnet_id
  associate_public_ip_address = var.associate_public_ip_address && !local.session_manager

  # The plugin asks for standard credits otherwise: once those of the launch are spent, a fifth of a core is left.
  enable_unlimited_credits = local.burstable

  tags            = var.tags
  snapshot_tags   = var.tags
  run_tags        = var.tags
  run_volume_tags = var.tags

  # No user data, and a role only where Session Manager needs one: there is nothing on the build instance to steal.
  iam_instance_profile                      = var.session_manager_profile
  shutdown_behavior                         = "terminate"
  temporary_security_group_source_cidrs     = var.ssh_from
  temporary_security_group_source_public_ip = length(var.ssh_from) == 0 && !local.session_manager

  launch_block_device_mappings {
    device_name           = var.root_device
    volume_size           = var.root_gib
    volume_type           = "gp3"
    iops                  = 3000
    throughput            = 125
    encrypted             = var.encrypted
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }

  # An encrypted snapshot of 8 GiB usually takes 3 to 6 minutes, and now and then far longer.
  aws_polling {
    delay_seconds = 15
    max_attempts  = 100
  }

  communicator            = "ssh"
  ssh_username            = var.ssh_username
  ssh_timeout             = "10m"
  ssh_interface           = local.session_manager ? "session_manager" : ""
  temporary_key_pair_type = "ed25519"

  imds_support = "v2.0"
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

build {
  sources = ["source.amazon-ebs.server"]

  provisioner "file" {
    sources     = ["${local.image_dir}/app", "${local.image_dir}/common"]
    destination = "/tmp"
  }

  provisioner "shell" {
    scripts          = local.scripts
    environment_vars = local.told
    execute_command  = local.run_as_root
  }

  provisioner "shell" {
    scripts          = local.checks
    environment_vars = local.told
    execute_command  = local.run_as_root
  }

  # While whoever baked can still come back for it: sealing takes the keys of SSH away.
  provisioner "shell" {
    script           = "${local.image_dir}/packages.sh"
    environment_vars = local.told
    execute_command  = local.run_as_root
  }

  provisioner "file" {
    direction   = "download"
    source      = local.packages
    destination = var.packages
  }

  provisioner "shell" {
    scripts          = local.seal
    environment_vars = local.told
    execute_command  = local.run_as_root
  }

  post-processor "manifest" {
    output     = var.manifest
    strip_path = true
  }
}
