locals {
  # EventBridge sends, for these rules only.
  from_rules = {
    Effect    = "Allow"
    Principal = { Service = "events.amazonaws.com" }
    Action    = "sqs:SendMessage"
    Condition = { ArnEquals = { "aws:SourceArn" = var.rule_arns } }
  }

  queues = [
    {
      Sid      = "Receive"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
      Resource = var.queue_arn
    },
    {
      Sid      = "Refuse"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = var.dead_letter_arn
    },
  ]

  # Whoever publishes calls itself bellwether, and says nothing but these.
  publish = {
    for who, types in { serve = ["Bellwether Change", "Bellwether Run Completed"], emit = ["Bellwether Change"] } : who => {
      Sid                     = "Publish"
      Effect                  = "Allow"
      Action                  = "events:PutEvents"
      Resource                = var.bus_arn
      Condition = { StringEquals = {
        "events:source"      = "bellwether"
        "events:detail-type" = types
      } }
    }
  }

  clusters = var.ecs[*].cluster_arn
  services = flatten(var.ecs[*].service_arns)
  roles    = distinct(flatten(var.ecs[*].role_arns))

  # Task definitions and lists have no narrower resource in IAM.
  ecs = [
    {
      Sid      = "Services"
      Effect   = "Allow"
      Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
      Resource = local.services
    },
    {
      Sid       = "Tasks"
      Effect    = "Allow"
      Action    = ["ecs:ListTasks", "ecs:DescribeTasks"]
      Resource  = "*"
      Condition = { ArnEquals = { "ecs:cluster" = local.clusters } }
    },
    {
      Sid    = "TaskDefinitions"
      Effect = "Allow"
      Action = [
        "ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions",
        "ecs:ListServices", "ecs:ListClusters",
      ]
      Resource = "*"
    },
    {
      Sid       = "TagTaskDefinitions"
      Effect    = "Allow"
      Action    = "ecs:TagResource"
      Resource  = "*"
      Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
    },
  ]

  pass_roles = [{
    Sid       = "PassRoles"
    Effect    = "Allow"
    Action    = "iam:PassRole"
    Resource  = local.roles
    Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
  }]
}

output "queue_policy" {
  description = "The policy of the queue."
  value       = jsonencode({ Version = "2012-10-17", Statement = [merge(local.from_rules, { Resource = var.queue_arn })] })
}

output "dead_letter_policy" {
  description = "The policy of the dead-letter queue, which also gets what EventBridge cannot deliver."
  value       = jsonencode({ Version = "2012-10-17", Statement = [merge(local.from_rules, { Resource = var.dead_letter_arn })] })
}

output "bellwether_policy" {
  description = "What bellwether serve may do."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.queues, [local.publish.serve],
      [for statement in local.ecs : statement if length(local.services) > 0],
      [for statement in local.pass_roles : statement if length(local.roles) > 0],
    )
  })
}

output "publisher_policy" {
  description = "What bellwether emit may do."
  value       = jsonencode({ Version = "2012-10-17", Statement = [local.publish.emit] })
}
