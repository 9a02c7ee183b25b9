variable "queue_arn" {
  description = "The queue that Bellwether receives from."
  type        = string
}

variable "dead_letter_arn" {
  description = "The queue of what was refused."
  type        = string
}

variable "bus_arn" {
  description = "The bus that is published on."
  type        = string
}

variable "rule_arns" {
  description = "The rules that may send to the queues."
  type        = list(string)
}

variable "ecr_repositories" {
  description = "Names of the Amazon ECR repositories whose pushes are taken; all when empty."
  type        = list(string)
}

variable "ecs" {
  description = "What is deployed to on Amazon ECS, by cluster."
  type = list(object({
    cluster_arn  = string
    service_arns = list(string)
    role_arns    = list(string)
  }))
}
