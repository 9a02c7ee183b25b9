package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/chat/slack"
	"bellwether/internal/chat/teams"
	"bellwether/internal/chat/teams/graph"
	"bellwether/internal/chat/teams/token"
	webchat "bellwether/internal/chat/web"
	"bellwether/internal/config"
)

// openChats opens the platforms that the settings name, and proves that they know Bellwether.
func (s *server) openChats(ctx context.Context) error {
	s.chats, s.groups = map[string]bot.Chat{}, map[string]commands.Groups{}
	s.postman = &bot.Postman{
		Outbox: s.store, Pictures: s.store, Chats: s.chats, Settle: settle, Operator: s.operator, Now: s.clock.Now, Log: s.log,
	}
	if settings := s.settings.Chat.Slack; settings != nil {
		if err := s.openSlack(ctx, settings); err != nil {
			return fmt.Errorf("chat.slack: %w", err)
		}
	}
	if settings := s.settings.Chat.Teams; settings != nil {
		if err := s.openTeams(ctx, settings); err != nil {
			return fmt.Errorf("chat.teams: %w", err)
		}
	}
	if s.settings.Chat.Web {
		s.webchat = webchat.New(s.clock.Now)
		s.chats[webchat.Platform] = s.webchat
	}
	return nil
}

func (s *server) openSlack(ctx context.Context, settings *config.Slack) error {
	wanted := slack.Settings{
		SigningSecret: settings.SigningSecret.Reveal(), AppToken: settings.AppToken.Reveal(), APIURL: settings.APIURL,
		Tokens: s.store, Seen: s.store, Threads: s.store, RunURL: s.pages.RunURL, PictureURL: s.pages.PictureURL, Revoked: s.removed, Log: s.log, Now: s.now,
	}
	for i, token := range settings.BotTokens {
		workspace := slack.Workspace{BotToken: token.Reveal()}
		if r := settings.Rotation; r != nil {
			workspace.RefreshToken = r.RefreshTokens[i].Reveal()
		}
		wanted.Workspaces = append(wanted.Workspaces, workspace)
	}
	if r := settings.Rotation; r != nil {
		wanted.ClientID, wanted.ClientSecret = r.ClientID, r.ClientSecret.Reveal()
	}
	chat, err := slack.New(wanted)
	if err != nil {
		return err
	}
	if err := chat.Hello(ctx); err != nil {
		return err
	}
	s.slack, s.chats[slack.Platform], s.groups["slack-group"] = chat, chat, chat
	return nil
}

// removed tells of a workspace that Bellwether can no longer speak in.
func (s *server) removed(workspace string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.postman.Removed(ctx, slack.Platform, workspace); err != nil {
		s.log.Error("nobody was told that the app was removed", "workspace", workspace, "error", err)
	}
}

func (s *server) openTeams(ctx context.Context, settings *config.Teams) error {
	identity := token.Settings{
		AppID: settings.AppID, Password: settings.AppPassword.Reveal(), Tenant: settings.Tenant,
		Login: settings.Endpoints.Login, OpenID: settings.Endpoints.OpenID, Now: s.now,
	}
	if strings.HasSuffix(settings.Endpoints.Login, ".us") { // the clouds of the US government
		identity.Scope = "https://api.botframework.us/.default"
	}
	validator, err := token.NewValidator(identity)
	if err != nil {
		return err
	}
	chat, err := teams.New(teams.Settings{
		AppID: settings.AppID, Tenant: settings.Tenant, Validator: validator, Tokens: token.Source(identity), ServiceURL: settings.Endpoints.Connector,
		PictureURL: s.pages.PictureURL, RunURL: s.pages.RunURL, Installations: s.store, Seen: s.store, Threads: s.store,
		Letters: s.postman, Log: s.log, Now: s.now,
	})
	if err != nil {
		return err
	}
	if err := chat.Hello(ctx); err != nil {
		return err
	}
	identity.Scope = graph.Scope(settings.Endpoints.Graph)
	s.groups["entra-group"] = graph.New(graph.Settings{Base: settings.Endpoints.Graph, Tokens: token.Source(identity), Now: s.now})
	s.teams, s.chats[teams.Platform] = chat, chat
	return nil
}
