package config

import (
	"regexp"

	"bellwether/internal/strictyaml"
)

// Slack is one Slack app, in one workspace or several.
type Slack struct {
	BotTokens     []Secret // one for each workspace
	SigningSecret Secret   // empty with Socket Mode only
	AppToken      Secret   // empty: Slack calls by HTTP; set: Socket Mode
	APIURL        string   // empty: Slack itself
	Rotation      *Rotation
}

// Rotation renews bot tokens that Slack lets expire.
type Rotation struct {
	ClientID      string
	ClientSecret  Secret
	RefreshTokens []Secret // one for each bot token, in their order
}

func slack(v strictyaml.Value) (s *Slack) {
	v.Object(func(o *strictyaml.Object) {
		bot := o.Need("bot_token", `the bot token (xoxb-…) such as "${SLACK_BOT_TOKEN}"; of several workspaces a list`)
		app, signing, rotation := o.Get("app_token"), o.Get("signing_secret"), o.Get("rotation")
		s = &Slack{BotTokens: oneOrMore(bot, tokenOf(botToken)), AppToken: secret(app), APIURL: webURL(o.Get("api_url"))}
		if s.AppToken == "" {
			signing = o.Need("signing_secret",
				`the app's signing secret such as "${SLACK_SIGNING_SECRET}", or an app_token for Socket Mode`)
		}
		s.SigningSecret = secret(signing)
		s.Rotation = rotating(rotation, len(s.BotTokens))
		warnOfOther(app, s.AppToken, appToken)
		warnOfOther(signing, s.SigningSecret, signingSecret)
	})
	return s
}

func rotating(v strictyaml.Value, workspaces int) (r *Rotation) {
	v.Object(func(o *strictyaml.Object) {
		refresh := o.Need("refresh_token", `what came with the bot token (xoxe-…), such as "${SLACK_REFRESH_TOKEN}"; of several workspaces a list`)
		r = &Rotation{
			ClientID:      o.Need("client_id", "the app's client id").Text(),
			ClientSecret:  secret(o.Need("client_secret", `the app's client secret such as "${SLACK_CLIENT_SECRET}"`)),
			RefreshTokens: oneOrMore(refresh, tokenOf(refreshToken)),
		}
		if n := len(r.RefreshTokens); n != workspaces {
			refresh.Errorf("has %d, and bot_token %d; write one for each bot token, in the same order", n, workspaces)
		}
	})
	return r
}

// What Slack's credentials are called.
const (
	botToken      = "the bot token"
	appToken      = "the app-level token"
	refreshToken  = "a refresh token"
	signingSecret = "the signing secret"
)

// slackShapes tell them apart. The token of an app with rotation begins with xoxe.xoxb-.
var slackShapes = []struct {
	name string
	form *regexp.Regexp
}{
	{botToken, regexp.MustCompile(`^(xoxe\.)?xoxb-`)},
	{appToken, regexp.MustCompile(`^xapp-`)},
	{refreshToken, regexp.MustCompile(`^xoxe-`)},
	{"a user's token", regexp.MustCompile(`^(xoxe\.)?xox[^be]`)},
	{signingSecret, regexp.MustCompile(`^[0-9a-f]{32}$`)},
}

// tokenOf reads a credential and tells when it looks like another one.
func tokenOf(want string) func(strictyaml.Value) Secret {
	return func(v strictyaml.Value) Secret {
		s := secret(v)
		warnOfOther(v, s, want)
		return s
	}
}

// warnOfOther tells of a credential that looks like another one of Slack's.
func warnOfOther(v strictyaml.Value, s Secret, want string) {
	for _, shape := range slackShapes {
		if shape.name != want && shape.form.MatchString(s.Reveal()) {
			v.Warnf("looks like %s; write %s here", shape.name, want)
		}
	}
}
