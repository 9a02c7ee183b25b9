package config

import (
	"regexp"

	"bellwether/internal/strictyaml"
)

func slack(v strictyaml.Value) (s *Slack) {
	v.Object(func(o *strictyaml.Object) {
		bot := o.Need("bot_token", `the bot token (xoxb-…) such as "${SLACK_BOT_TOKEN}"`)
		app, signing := o.Get("app_token"), o.Get("signing_secret")
		s = &Slack{BotToken: secret(bot), AppToken: secret(app), APIURL: webURL(o.Get("api_url"))}
		if s.AppToken == "" {
			signing = o.Need("signing_secret",
				`the app's signing secret such as "${SLACK_SIGNING_SECRET}", or an app_token for Socket Mode`)
		}
		s.SigningSecret = secret(signing)
		warnOfOther(bot, s.BotToken, botToken)
		warnOfOther(app, s.AppToken, appToken)
		warnOfOther(signing, s.SigningSecret, signingSecret)
	})
	return s
}

// What Slack's credentials are called.
const (
	botToken      = "the bot token"
	appToken      = "the app-level token"
	signingSecret = "the signing secret"
)

// slackShapes tell them apart.
var slackShapes = []struct {
	name string
	form *regexp.Regexp
}{
	{botToken, regexp.MustCompile(`^xoxb-`)},
	{appToken, regexp.MustCompile(`^xapp-`)},
	{"a user's token", regexp.MustCompile(`^xox[^b]`)},
	{signingSecret, regexp.MustCompile(`^[0-9a-f]{32}$`)},
}

// warnOfOther tells of a credential that looks like another one of Slack's.
func warnOfOther(v strictyaml.Value, s Secret, want string) {
	for _, shape := range slackShapes {
		if shape.name != want && shape.form.MatchString(s.Reveal()) {
			v.Warnf("looks like %s; write %s here", shape.name, want)
		}
	}
}
