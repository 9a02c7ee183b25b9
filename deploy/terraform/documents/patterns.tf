# What deploy/eventbridge/pattern.json has in one rule, in two: only the default bus hears of Amazon ECR.

output "change_pattern" {
  description = "The event pattern of changes."
  value       = jsonencode({ "detail-type" = ["Bellwether Change"] })
}

output "image_pattern" {
  description = "The event pattern of images that were pushed to Amazon ECR."
  value = jsonencode({
    source        = ["aws.ecr"]
    "detail-type" = ["ECR Image Action"]
    detail = merge(
      { "action-type" = ["PUSH"], result = ["SUCCESS"] },
      { for key, names in { "repository-name" = var.ecr_repositories } : key => names if length(names) > 0 },
    )
  })
}
