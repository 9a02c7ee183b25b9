output "queue_url" {
  description = "intake.sqs.queue_url of bellwether.yaml."
  value       = aws_sqs_queue.changes.url
}

output "dead_letter_url" {
  description = "intake.sqs.dead_letter_url of bellwether.yaml."
  value       = aws_sqs_queue.refused.url
}

output "bus_name" {
  description = "publish.eventbridge.bus of bellwether.yaml."
  value       = local.bus_name
}

output "bus_arn" {
  description = "The bus, for policies of publishers in other accounts."
  value       = local.bus_arn
}

output "bellwether_policy_arn" {
  description = "The policy for the role of bellwether serve."
  value       = aws_iam_policy.bellwether.arn
}

output "publisher_policy_arn" {
  description = "The policy for the roles of those who publish changes."
  value       = aws_iam_policy.publisher.arn
}

output "alarm_arns" {
  description = "The alarms, for dashboards and composite alarms."
  value       = [aws_cloudwatch_metric_alarm.age.arn, aws_cloudwatch_metric_alarm.refused.arn]
}
