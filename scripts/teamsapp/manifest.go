package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Manifest is what Teams knows of the app: the parts of its schema that this one uses.
// https://learn.microsoft.com/microsoft-365/extensibility/schema/
type Manifest struct {
	Schema   string `json:"$schema"`
	Version  string `json:"manifestVersion"` // of the schema
	Release  string `json:"version"`
	ID       string `json:"id"`
	Provider struct {
		Name    string `json:"name"`
		Website string `json:"websiteUrl"`
		Privacy string `json:"privacyUrl"`
		Terms   string `json:"termsOfUseUrl"`
	} `json:"developer"`
	Name            Wording     `json:"name"`
	Description     Wording     `json:"description"`
	Icons           Icons       `json:"icons"`
	Accent          string      `json:"accentColor"`
	InstallInto     string      `json:"defaultInstallScope"`
	ChannelFeatures string      `json:"supportsChannelFeatures,omitempty"` // asked for from 1.25 on
	Bots            []Bot       `json:"bots"`
	Extensions      []Extension `json:"composeExtensions"`
	Domains         []string    `json:"validDomains"`
}

// Wording is a text for where there is little room, and one for where there is more.
type Wording struct {
	Short string `json:"short"`
	Full  string `json:"full"`
}

// Icons are the names of PNG files.
type Icons struct {
	Color   string `json:"color"`
	Outline string `json:"outline"`
}

// Bot is who is mentioned.
type Bot struct {
	ID           string        `json:"botId"`
	Scopes       []string      `json:"scopes"`
	NotifiesOnly bool          `json:"isNotificationOnly"`
	Files        bool          `json:"supportsFiles"`
	Targeted     bool          `json:"supportsTargetedMessages,omitempty"` // hears what nobody else in the channel does
	Lists        []CommandList `json:"commandLists"`
}

// CommandList is what Teams suggests where somebody begins to write to the bot.
type CommandList struct {
	Scopes   []string  `json:"scopes"`
	Triggers []string  `json:"triggers,omitempty"`
	Commands []Command `json:"commands"`
}

// Command is put into what somebody writes by its title.
type Command struct {
	Title       string `json:"title"`
	Description string `json:"description"`
}

// Extension asks the bot what a link shows.
type Extension struct {
	Bot      string    `json:"botId"`
	Handlers []Handler `json:"messageHandlers"`
}

// Handler of links into some domains.
type Handler struct {
	Type  string `json:"type"`
	Value struct {
		Domains []string `json:"domains"`
	} `json:"value"`
}

// App is one Bellwether's.
type App struct {
	ID      string // of the Entra app: a GUID
	Host    string // of http.public_url
	Version string // Teams takes an app again only with a higher one
	Slash   bool   // its commands are offered behind "/" as well
}

var (
	guid    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domain  = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)
	release = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)
)

// check says what to write instead.
func (a App) check() error {
	switch {
	case !guid.MatchString(a.ID):
		return fmt.Errorf("APP_ID %q is no app id: copy \"Application (client) ID\" of the app from Entra", a.ID)
	case !domain.MatchString(a.Host) || len(a.Host) > 253:
		return fmt.Errorf("HOST %q is no host name that Teams can reach: write that of http.public_url, such as bellwether.example.com", a.Host)
	case !release.MatchString(a.Version):
		return fmt.Errorf("VERSION %q is no version: write one such as 1.0.1, higher than that of the app that Teams has", a.Version)
	}
	return nil
}

// manifest is the template of a folder with an app filled in.
func (a App) manifest(folder fs.FS) (Manifest, error) {
	if err := a.check(); err != nil {
		return Manifest{}, err
	}
	template, err := fs.ReadFile(folder, "manifest.json")
	if err != nil {
		return Manifest{}, fmt.Errorf("read the template: %w", err)
	}
	filled := strings.NewReplacer("{{APP_ID}}", a.ID, "{{HOST}}", a.Host, "{{VERSION}}", a.Version).Replace(string(template))
	read := json.NewDecoder(strings.NewReader(filled))
	read.DisallowUnknownFields()
	var m Manifest
	if err := read.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("read manifest.json: %w", err)
	}
	if a.Slash {
		m.offerSlash()
	}
	return m, errors.Join(m.check(), m.Icons.check(folder))
}

// offerSlash has Teams offer the commands of channels behind "/" too, where only the bot hears them. In a personal chat there
// is nobody else. The first schema that knows of it is 1.29.
func (m *Manifest) offerSlash() {
	m.Schema, m.Version = strings.ReplaceAll(m.Schema, m.Version, "1.29"), "1.29"
	m.ChannelFeatures = "tier1"
	for i := range m.Bots {
		bot := &m.Bots[i]
		bot.Targeted = true
		var split []CommandList
		for _, list := range bot.Lists {
			for _, scope := range list.Scopes {
				triggers := []string{"mention"}
				if scope != "personal" {
					triggers = append(triggers, "slash")
				}
				split = append(split, CommandList{Scopes: []string{scope}, Triggers: triggers, Commands: list.Commands})
			}
		}
		bot.Lists = split
	}
}

// The limits of the schema, in letters; those of a command are the older, narrower ones, which every client shows whole.
const (
	maxName, maxFullName               = 30, 100
	maxDescription, maxFullDescription = 80, 4000
	maxCommands                        = 12
	maxTitle, maxHelp                  = 32, 128
)

// check holds what Teams would refuse only after the upload.
func (m Manifest) check() error {
	wrong := []error{
		fits("the name", m.Name.Short, maxName), fits("the full name", m.Name.Full, maxFullName),
		fits("the description", m.Description.Short, maxDescription), fits("the full description", m.Description.Full, maxFullDescription),
	}
	for _, bot := range m.Bots {
		for _, list := range bot.Lists {
			if len(list.Commands) > maxCommands {
				wrong = append(wrong, fmt.Errorf("manifest.json: %d commands are in one list, at most %d can be", len(list.Commands), maxCommands))
			}
			for _, c := range list.Commands {
				wrong = append(wrong, fits("a command's title", c.Title, maxTitle), fits("the description of "+c.Title, c.Description, maxHelp))
			}
		}
	}
	return errors.Join(wrong...)
}

func fits(what, text string, most int) error {
	if n := utf8.RuneCountInString(text); n == 0 || n > most {
		return fmt.Errorf("manifest.json: %s has %d letters, want 1 to %d", what, n, most)
	}
	return nil
}

// check that the icons have the sizes that Teams wants, in pixels.
func (i Icons) check(folder fs.FS) error {
	var wrong []error
	for name, side := range map[string]int{i.Color: 192, i.Outline: 32} {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("read an icon: %w", err))
			continue
		}
		size, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			wrong = append(wrong, fmt.Errorf("read the icon %s: %w", name, err))
		} else if size.Width != side || size.Height != side {
			wrong = append(wrong, fmt.Errorf("%s has %d by %d pixels, want %d by %d", name, size.Width, size.Height, side, side))
		}
	}
	return errors.Join(wrong...)
}
