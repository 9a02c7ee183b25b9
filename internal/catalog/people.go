package catalog

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known in an image without a zone database

	"bellwether/internal/strictyaml"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// zoneFile lists the zones of the places of the world, for suggestions only: time.LoadLocation knows no list.
//
//go:embed zones.txt
var zoneFile string

var zones = strings.Fields(zoneFile)

var (
	slackUser    = regexp.MustCompile(`^[TE][A-Z0-9]+/[UW][A-Z0-9]+$`)
	slackChannel = regexp.MustCompile(`^([TE][A-Z0-9]+/)?[CGD][A-Z0-9]+$`)
)

func person(name string, v strictyaml.Value) (p pipeline.Person) {
	v.Object(func(o *strictyaml.Object) {
		p = pipeline.Person{
			Name:  name,
			Slack: matching(o.Get("slack"), slackUser, "no Slack user; write workspace/user ids, such as T0TEAM/U0DEVSG"),
			Teams: entraUser(o.Get("teams")),
			Web:   o.Get("web").Text(),
			Zone:  zone(o.Get("zone")),
		}
	})
	return p
}

// entraUser is an object id, which Teams knows people by.
func entraUser(v strictyaml.Value) string {
	id := v.Text()
	if id != "" && !guid.MatchString(id) {
		v.Warnf("%s is no object id of Entra, so Teams does not know this person; copy it from the user's page in Entra", v.Quote())
	}
	return folded(id)
}

func (d *decoder) team(name string, v strictyaml.Value) (t pipeline.Team) {
	user := func(v strictyaml.Value) string { return d.reference(v, people, "person") }
	v.Object(func(o *strictyaml.Object) {
		t = pipeline.Team{
			Name:     name,
			Zone:     zone(o.Need("zone", "an IANA zone such as Europe/London")),
			Hours:    hours(o.Get("hours")),
			Channels: channels(o.Need("chat", "the team's channel: slack, teams or web under it")),
			Members:  strictyaml.List(o.Get("members"), user),
		}
		o.Get("oncall").Object(func(o *strictyaml.Object) {
			t.OnCall = strictyaml.List(o.Need("users", "names of people, the first one is asked first"), user)
		})
	})
	return t
}

// channels are the places named, at most one on each platform and at least one.
func channels(v strictyaml.Value) (list []pipeline.Channel) {
	v.Object(func(o *strictyaml.Object) {
		slack, msteams, web := o.Get("slack"), o.Get("teams"), o.Get("web")
		if slack.Given() {
			list = append(list, slackPlace(slack))
		}
		msteams.Object(func(o *strictyaml.Object) {
			list = append(list, pipeline.Channel{
				Platform: "teams",
				Group:    o.Need("team", "the id of the team in Microsoft Teams").Text(),
				ID:       teamsChannel(o.Need("channel", "the channel's id, such as 19:…@thread.tacv2")),
			})
		})
		if web.Given() {
			id := matching(web, properName, "no channel name; write letters, digits and dashes, such as team-checkout")
			list = append(list, pipeline.Channel{Platform: "web", ID: id})
		}
		if !slack.Given() && !msteams.Given() && !web.Given() {
			o.At().Errorf("names no channel; write slack, teams or web under it")
		}
	})
	return list
}

// unlinked undoes what a channel's link does to its id.
var unlinked = strings.NewReplacer("%3A", ":", "%3a", ":", "%40", "@")

// teamsChannel is the id of a channel as Teams says it, not as its link has it.
func teamsChannel(v strictyaml.Value) string {
	id := v.Text()
	if unlinked.Replace(id) != id {
		v.Errorf("%s is encoded, as in the channel's link; write %s", v.Quote(), unlinked.Replace(v.Quote()))
	}
	return id
}

// slackPlace is a channel, with the workspace in front of it where there are several.
func slackPlace(v strictyaml.Value) pipeline.Channel {
	id := matching(v, slackChannel, "no Slack channel id; copy it from the channel's details, such as C0CHECKOUT, or T0TEAM/C0CHECKOUT where there are several workspaces")
	workspace, channel, several := strings.Cut(id, "/")
	if !several {
		workspace, channel = "", id
	}
	return pipeline.Channel{Platform: "slack", Group: workspace, ID: channel}
}

// matching is a text of a certain form; flaw says what another text is, and what to write.
func matching(v strictyaml.Value, form *regexp.Regexp, flaw string) string {
	text := v.Text()
	if text != "" && !form.MatchString(text) {
		v.Errorf("%s is %s", v.Quote(), flaw)
	}
	return text
}

func zone(v strictyaml.Value) *time.Location {
	name := v.Text()
	if name == "" {
		return nil
	}
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		v.Errorf("%s is no IANA zone%s", v.Quote(), zoneHint(name))
		return nil
	}
	return location
}

func zoneHint(name string) string {
	city := "/" + strings.ReplaceAll(name, " ", "_")
	if i := slices.IndexFunc(zones, func(z string) bool { return strings.HasSuffix(z, city) }); i >= 0 {
		return "; did you mean " + zones[i] + "?"
	}
	if close := suggest.Nearest(name, zones); close != "" {
		return "; did you mean " + close + "?"
	}
	return "; write for example Europe/London"
}

const exampleHours = `write for example "Mon-Fri 09:00-18:00" or "Mon,Wed 08:30-12:00"`

func hours(v strictyaml.Value) pipeline.Hours {
	text := v.Text()
	if text == "" {
		return pipeline.Hours{}
	}
	h, err := parseHours(text)
	if err != nil {
		v.Errorf("%s does not say working hours (%s); %s", v.Quote(), err, exampleHours)
	}
	return h
}

// parseHours understands days (Mon, Mon-Fri, Mon,Wed-Fri; a range may pass the weekend) and one span of a day.
func parseHours(text string) (h pipeline.Hours, err error) {
	days, span, ok := strings.Cut(text, " ")
	if !ok {
		return h, fmt.Errorf("want days and times")
	}
	for part := range strings.SplitSeq(days, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, last := weekday(from), weekday(to)
		if first < 0 || last < 0 {
			return h, fmt.Errorf("%q is no day", part)
		}
		for day := first; ; day = (day + 1) % 7 {
			h.Days[day] = true
			if day == last {
				break
			}
		}
	}
	from, till, _ := strings.Cut(strings.TrimSpace(span), "-")
	h.From, h.Till = clock(from), clock(till)
	if h.From < 0 || h.Till < 0 || h.From >= h.Till {
		return h, fmt.Errorf("%q is no span of a day", span)
	}
	return h, nil
}

// weekday of a name such as Mon; -1 for anything else.
func weekday(name string) int {
	return slices.Index([]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}, name)
}

// clock is the time since midnight of 09:00, up to 24:00; -1 s for anything else.
func clock(text string) time.Duration {
	if text == "24:00" {
		return 24 * time.Hour
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return -time.Second
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}
