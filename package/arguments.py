"""The inputs of the package's component: the keys of the configuration. Made by tools/describe_package.py.

All but the token are plain values, no outputs: the rollout plan is decided by them before anything is declared.
"""

from typing import Any, Required, TypedDict

import pulumi


class ServiceArgs(TypedDict, total=False):
    active: str
    """Color that serves: blue, green, or auto (flips by itself when what makes a server changed, or its image exceeds maxAgeDays or maxSeverity). Default: blue."""
    traffic: int
    """Percent of production for the active color: 0 holds it in pre-production, 10 as a canary, 100 is the flip. Default: 100."""
    image: str
    """Fingerprint or ami- id of an image of this service to launch servers from, whatever its age; empty bakes from git."""
    keepPrevious: bool
    """Keep the previous group at weight 0 until its color is launched again: going back is a flip of weights. Default: false."""
    guardHours: int
    """Hours after the flip in which AWS itself takes production back when an alarm rings: until then the previous group keeps its servers, then they go. Default: 0."""
    acknowledge: str
    """Generation that may be promoted again although AWS took production back from it; meant for one update."""
    allowOlder: bool
    """Allow a commit that is older than the one production was made from to change production; meant for one update. Default: false."""
    freeze: list[str]
    """Windows in which nothing new gets production: Fri 16:00-Mon 07:00 Europe/Berlin, or 2026-12-20/2027-01-03; a way back is never frozen."""
    override: str
    """Why this update may change production in a freeze; stands in the release record, meant for one update."""
    service: Required[str]
    """Name of the service; with the stack's name at most 18 characters."""
    imageDir: str
    """Folder with the Packer template and its scripts, or of an application whose file base leads to one (docs/your-app.md). Default: image."""
    baseImage: str
    """Vendor's image: ubuntu-24.04, ubuntu-22.04, debian-12, debian-13, al2023, the path of an SSM parameter, or ami-. Default: ubuntu-24.04."""
    packerVariables: dict[str, Any]
    """Variables for the Packer template: texts, numbers, true or false, and lists of them."""
    imageFrom: str
    """Account that bakes, ACCOUNT or ACCOUNT/REGION: its image is copied, nothing is baked in this account."""
    imageSharedWith: list[str]
    """Accounts that may copy the images that had production here (their imageFrom)."""
    imageKmsKey: str
    """KMS key (ARN) of the image or its copy; none: an image to be shared is not encrypted; empty: AWS's own key."""
    imageSigningKey: str
    """KMS key (ARN; ECC_NIST_P256, SIGN_VERIFY) that signs each baked image; servers are launched from what it proves alone; empty: images are trusted by tag."""
    imageKeep: int
    """How many of the newest images of this stack are kept when old ones are deregistered. Default: 3."""
    maxAgeDays: int
    """Days after which an image is baked again and auto flips; 0 is no limit. Default: 30."""
    maxSeverity: str
    """Highest severity of a vulnerability with a fix that an image is launched with, as Amazon Inspector finds it between bake and launch: none, low, medium, high, or critical (all is launched, and told); off does not scan. Empty is high with protect, else off."""
    instanceType: str
    """EC2 instance type; it decides the architecture of the image too. Several with commas between, the preferred one first: a launch that AWS refuses for one takes the next. Default: t3.small."""
    spotPercent: int
    """Percent of the servers above onDemandBase that are Spot: cheaper, and AWS may end them with two minutes' notice (a replacement starts when that is likely); 0 is none. Default: 0."""
    onDemandBase: int
    """How many servers of a group are on demand whatever spotPercent says; the rest follows it. Default: 1."""
    rootVolumeGiB: int
    """Size of a server's disk in GiB (gp3, encrypted). Default: 10."""
    volumeKmsKey: str
    """KMS key (ARN) that encrypts servers' disks; empty: the account's own key for volumes."""
    appPort: int
    """Port on which the application listens on a server. Default: 8080."""
    healthCheckPath: str
    """Path that answers 200 when a server is healthy. Default: /health."""
    healthCheckIntervalSeconds: int
    """Seconds between two health checks of a server. Default: 10."""
    bootSeconds: int
    """Seconds a server may take from its launch to its first healthy answer. Default: 180."""
    environment: dict[str, str]
    """Plain variables for the application; a secret only by name: ssm:NAME, secretsmanager:NAME or secretsmanager:NAME:KEY."""
    permissionsBoundary: str
    """ARN of the IAM policy that limits what servers may do; needed where the deployer's own rights require one."""
    policyArns: list[str]
    """ARNs of managed policies that the servers' role has beside its own, within permissionsBoundary where that is set; none is attached without them."""
    policyStatements: list[dict[str, Any]]
    """Statements of an IAM policy (Effect, Action, Resource, Condition) of what servers may do besides, within permissionsBoundary where that is set; without them servers read what environment names, and nothing else."""
    stopCommand: str
    """Shell command that each server runs, as the application's user and with its environment, after its last request and before it ends (flush, deregister): when a group shrinks, is replaced or deleted, and within its two minutes' notice when EC2 takes a Spot server back. Without it servers end once their requests have."""
    stopTimeoutSeconds: int
    """How long stopCommand may take; then it is ended, and the server too. One that does not answer goes a minute later. Default: 60."""
    liveTarget: bool
    """Have phoenix-live.target active on servers while their generation has all of production, and never in two generations at once (docs/data.md): for queue workers and cron jobs. It takes a small table of DynamoDB. Without it the target is never active. Default: false."""
    liveStopSeconds: int
    """How long the units of phoenix-live.target may take to stop, before what is left of them is killed: the next generation's wait for them. Default: 30."""
    minSize: int
    """Least number of servers. Default: 2."""
    maxSize: int
    """Largest number of servers. Default: 4."""
    targetCpuPercent: int
    """Average CPU in percent that scaling aims at; 0 does not scale by CPU. Default: 50."""
    requestsPerServer: int
    """Requests a minute to each server that scaling aims at, beside CPU: the group is as large as the one of both that wants more; 0 does not scale by requests. While an update moves traffic neither group shrinks. Default: 0."""
    schedule: dict[str, Any]
    """Sizes of the group that serves from set times on, by names of yours: cron (five fields), timeZone (UTC), minSize, maxSize, and desired if it is to be set then; without it minSize and maxSize hold at any time, and with it until its first time and for new groups. A group that takes production over has the sizes of the one before it."""
    vpcId: str
    """Existing VPC to use, together with albSubnetIds and serverSubnetIds; empty creates a small one."""
    albSubnetIds: list[str]
    """Subnets of the load balancer, in two zones or more."""
    serverSubnetIds: list[str]
    """Subnets of the servers, with a way to the internet."""
    vpcCidr: str
    """IPv4 network of the VPC that is created when vpcId is empty. Default: 10.20.0.0/16."""
    allowedEgress: list[str]
    """Where servers may go: CIDR, CIDR:PORT or CIDR:PORT-PORT, with /udp or TCP; what AWS is asked for goes to 443. Default: ["0.0.0.0/0"]."""
    certificateArn: str
    """ACM certificate: makes the listener HTTPS and redirects port 80 to it."""
    hostname: str
    """DNS name that users type; probes send it and check the certificate against it."""
    hostedZoneId: str
    """Hosted zone of Route 53 that leads hostname to the load balancer, by a record of the stack's, once a group serves; without certificateArn the listener is HTTPS with a certificate that ACM issues and renews by it. Empty makes neither: DNS is yours. With listenerArn the certificate is its owner's."""
    tlsPolicy: str
    """Security policy of the HTTPS listener: which versions and ciphers of TLS it speaks. Default: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09."""
    logDays: int
    """Days that the load balancer's access logs and the own network's flow logs are kept, in a bucket that is made for them; 0 makes none; -1 is 90 with protect, else none. Default: -1."""
    hstsSeconds: int
    """Seconds for which browsers come by HTTPS alone once they were here (HSTS); 0 sends no such header; -1 is 31536000 with protect, else none. Default: -1."""
    webAclArn: str
    """Regional web ACL of AWS WAF that judges requests to the load balancer."""
    internal: bool
    """Load balancer without public addresses, in an existing VPC; the update must run where it is reached. It can't change later. Default: false."""
    ipAddressType: str
    """Addresses of the load balancer: ipv4, or dualstack for IPv6 too, with an IPv6 network in allowedCidrs (::/0 is everybody); the own network gets IPv6 with it, subnets of albSubnetIds must have both; servers keep IPv4. Default: ipv4."""
    idleTimeoutSeconds: int
    """Seconds without a byte after which the load balancer closes a connection, of users and to servers; a request that is answered later fails with 504. The application's keep-alive must be longer. Default: 60."""
    listenerPort: int
    """Port of the load balancer; 0 is 80, or 443 with a certificate. Default: 0."""
    allowedCidrs: list[str]
    """Networks that may reach the load balancer. Default: ["0.0.0.0/0"]."""
    listenerArn: str
    """Existing listener to use with its load balancer, shared with other services; empty creates both."""
    takeOverTargetGroup: str
    """Target group on listenerArn that has production now, of servers that somebody else made: the first release takes production from it through the gates, and nothing of it is changed or deleted; empty takes nothing over."""
    rulePriority: int
    """Priority of the preview rule on an existing listener; the production rule has the next number. Default: 0."""
    previewToken: Required[pulumi.Input[str]]
    """Secret value of the header X-Phoenix-Preview, which leads to the active group before it has production (make preview-token)."""
    smokePath: str
    """Path that must answer below 400 through the load balancer before traffic moves. Default: /."""
    smokeCommand: str
    """Shell command that must succeed before traffic moves; reads PHOENIX_URL and PHOENIX_PREVIEW_TOKEN."""
    smokeEnvironment: list[str]
    """Names of further environment variables that smokeCommand and hooks' commands get; no AWS credentials and no tokens unless named."""
    hooks: dict[str, Any]
    """Commands, Lambda functions or Automation documents that are asked while a release goes on, and may stop it: afterVerify, beforeShift, atShareN, afterPromote, onRollback (docs/hooks.md)."""
    verifyTimeoutSeconds: int
    """Seconds after which a group that is not yet healthy has failed. Default: 900."""
    canarySteps: list[int]
    """Percents of production on the way to the flip, rising. Default: [10, 50]."""
    approveAt: list[int]
    """Those of canarySteps at which production is held until somebody says make approve."""
    approvalTimeoutMinutes: int
    """Minutes that each such hold waits for make approve before production goes back. Default: 60."""
    canaryCapacity: str
    """`full`: the new group has as many servers as the live one before any traffic moves. `proportional`: before each canary step as many as its share needs and one more (at least minSize), and all of them before 100 %; the live group keeps its own until the end. Default: full."""
    stickyCanary: bool
    """While several groups share production, users who keep cookies stay with the one that answered them first; shares are then of new users. Default: false."""
    canaryPauseSeconds: int
    """Seconds that each canary step is watched: on until CloudWatch has shown a whole minute of it, and less once several show that it does as well as the live group (0: on at once, blind). Default: 180."""
    soakSeconds: int
    """Seconds that the flip is watched before the previous group is deleted, and on until CloudWatch has shown a whole minute of it (0: blind). Default: 180."""
    settleSeconds: int
    """Seconds in which the load balancer must answer with the new generation only. Default: 10."""
    alarms: list[str]
    """CloudWatch alarms of yours that stop a rollout."""
    notifyTopicArn: str
    """ARN of a standard SNS topic that is told what becomes of a release, and of the groups' alarms; empty: none."""
    maxErrorPercent: int
    """Percent of 5xx among a group's answers in a minute above which its alarm stops a rollout. Default: 5."""
    maxResponseMilliseconds: int
    """99th percentile of a group's response time above which, for 2 minutes, its alarm stops a rollout; 0 turns it off, and slow answers are not compared with the live group's either. Default: 5000."""
    drainSeconds: int
    """Seconds that requests on a leaving server may take to end. Default: 30."""
    slowStartSeconds: int
    """Seconds (30 to 900) in which the share of a server that joins healthy ones grows to its full one, for applications that warm up; 0 gives it all at once. The first servers of a group have no others to spare them. Default: 0."""
    pricePerHour: str
    """Price of one server for an hour, like 0.0208 USD: then the rollout plan says what two groups cost."""
    dashboard: bool
    """CloudWatch dashboard: requests by color, errors, response times, healthy servers, alarms, and when traffic moved. Default: false."""
    protect: bool
    """Protect load balancer, listener and rules from deletion. Default: false."""
