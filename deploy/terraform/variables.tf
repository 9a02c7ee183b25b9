variable "name" {
  description = "What everything here is called, or begins with: the queue is NAME-changes, its dead-letter queue NAME-refused."
  type        = string
  default     = "bellwether"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,48}$", var.name))
    error_message = "name takes at most 48 letters, digits, hyphens and underscores."
  }
}

variable "bus" {
  description = "The EventBridge bus that changes are published on. With create = true it is made here, under any name but default."
  type = object({
    name   = optional(string, "default")
    create = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9._-]{1,256}$", var.bus.name))
    error_message = "bus.name is the name of a bus, not its ARN."
  }
  validation {
    condition     = !(var.bus.create && var.bus.name == "default")
    error_message = "Every account has the bus default already: leave create out, or choose another name."
  }
}

variable "ecr_repositories" {
  description = "Names of the Amazon ECR repositories whose pushes are taken; all of this account's when empty. Images that no service owns are ignored."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "max_receives" {
  description = "How often a message is tried before SQS moves it to the dead-letter queue: with 30 seconds each, 120 outlast an hour without Redis."
  type        = number
  default     = 120

  validation {
    condition     = var.max_receives >= 10 && var.max_receives <= 1000
    error_message = "max_receives is between 10 and 1000."
  }
}

variable "max_age" {
  description = "The alarm goes off when the oldest message has waited for this long, in seconds."
  type        = number
  default     = 600

  validation {
    condition     = var.max_age >= 60
    error_message = "max_age is at least 60 seconds, which is as often as CloudWatch looks."
  }
}

variable "alarm_actions" {
  description = "ARNs that are told when an alarm goes off and when it is over, such as an SNS topic's."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : startswith(arn, "arn:")])
    error_message = "alarm_actions are ARNs."
  }
}

variable "roles" {
  description = "Names of IAM roles under which Bellwether runs; they get its policy."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "publisher_roles" {
  description = "Names of IAM roles under which CI runs \"bellwether emit\"; they get the publishers' policy."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "ecs" {
  description = "What Bellwether deploys to on Amazon ECS, for each cluster: the services, and the roles that their tasks have and start with."
  type = list(object({
    cluster_arn  = string
    service_arns = list(string)
    role_arns    = list(string)
  }))
  default  = []
  nullable = false
}

variable "tags" {
  description = "Tags of everything that can have them."
  type        = map(string)
  default     = {}
  nullable    = false
}
