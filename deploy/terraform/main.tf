# From the bus to Bellwether's queue: what is told here is what Bellwether reads, and nobody else can put anything in.

resource "aws_cloudwatch_event_bus" "this" {
  count = var.bus.create ? 1 : 0
  name  = var.bus.name
  tags  = var.tags
}

data "aws_cloudwatch_event_bus" "this" {
  count = var.bus.create ? 0 : 1
  name  = var.bus.name
}

locals {
  bus_name = one(concat(aws_cloudwatch_event_bus.this[*].name, data.aws_cloudwatch_event_bus.this[*].name))
  bus_arn  = one(concat(aws_cloudwatch_event_bus.this[*].arn, data.aws_cloudwatch_event_bus.this[*].arn))

  rules = {
    changes = {
      description = "Changes that shall be load-tested."
      bus         = local.bus_name
      pattern     = module.documents.change_pattern
    }
    images = {
      description = "Images pushed to Amazon ECR, which tells the default bus only."
      bus         = "default"
      pattern     = module.documents.image_pattern
    }
  }
}

# The documents are a module without a provider, so that they can be tested where there is no AWS.
module "documents" {
  source = "./documents"

  queue_arn        = aws_sqs_queue.changes.arn
  dead_letter_arn  = aws_sqs_queue.refused.arn
  bus_arn          = local.bus_arn
  rule_arns        = [for rule in aws_cloudwatch_event_rule.this : rule.arn]
  ecr_repositories = var.ecr_repositories
  ecs              = var.ecs
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name           = "${var.name}-${each.key}"
  description    = each.value.description
  event_bus_name = each.value.bus
  event_pattern  = each.value.pattern
  tags           = var.tags
}

# The envelope goes through as it is. What cannot be delivered for a day ends beside what Bellwether refused.
resource "aws_cloudwatch_event_target" "this" {
  for_each = aws_cloudwatch_event_rule.this

  rule           = each.value.name
  event_bus_name = each.value.event_bus_name
  target_id      = "bellwether"
  arn            = aws_sqs_queue.changes.arn

  dead_letter_config {
    arn = aws_sqs_queue.refused.arn
  }
}

# Bellwether polls for 20 seconds, hides what it received for 30, and renews that while it works.
resource "aws_sqs_queue" "changes" {
  name                       = "${var.name}-changes"
  message_retention_seconds  = 345600 # 4 days
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 30
  sqs_managed_sse_enabled    = true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.refused.arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue" "refused" {
  name                      = "${var.name}-refused"
  message_retention_seconds = 1209600 # 14 days
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "refused" {
  queue_url = aws_sqs_queue.refused.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.changes.arn]
  })
}

resource "aws_sqs_queue_policy" "changes" {
  queue_url = aws_sqs_queue.changes.url
  policy    = module.documents.queue_policy
}

resource "aws_sqs_queue_policy" "refused" {
  queue_url = aws_sqs_queue.refused.url
  policy    = module.documents.dead_letter_policy
}

resource "aws_iam_policy" "bellwether" {
  name        = "${var.name}-serve"
  description = "What bellwether serve needs."
  policy      = module.documents.bellwether_policy
  tags        = var.tags
}

resource "aws_iam_policy" "publisher" {
  name        = "${var.name}-emit"
  description = "What bellwether emit needs."
  policy      = module.documents.publisher_policy
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "bellwether" {
  for_each   = toset(var.roles)
  role       = each.value
  policy_arn = aws_iam_policy.bellwether.arn
}

resource "aws_iam_role_policy_attachment" "publisher" {
  for_each   = toset(var.publisher_roles)
  role       = each.value
  policy_arn = aws_iam_policy.publisher.arn
}
