package peers

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// signIn is what a browser and the pages do together.
func signIn(t *testing.T, p *IdentityProvider, verifier string) (*oauth2.Config, url.Values) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), p.URL)
	require.NoError(t, err)
	client := &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: "http://127.0.0.1:9/login/back?x=1", Scopes: []string{oidc.ScopeOpenID, "email"},
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := browser.Get(client.AuthCodeURL("the-state", oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(verifier)))
	require.NoError(t, err)
	defer r.Body.Close()
	require.Equal(t, http.StatusFound, r.StatusCode)
	back, err := r.Location()
	require.NoError(t, err)
	require.Equal(t, "the-state", back.Query().Get("state"))
	require.Equal(t, "1", back.Query().Get("x"))
	return client, back.Query()
}

func verify(ctx context.Context, p *IdentityProvider, granted *oauth2.Token) (*oidc.IDToken, error) {
	provider, err := oidc.NewProvider(ctx, p.URL)
	if err != nil {
		return nil, err
	}
	raw, _ := granted.Extra("id_token").(string)
	return provider.Verifier(&oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
}

func TestAPersonSignsIn(t *testing.T) {
	p := NewIdentityProvider(t)
	p.SignIn(Person{Subject: "ada", Name: "Ada", Email: "ada@example.com", Groups: []string{"search", "perf"}})
	secret := oauth2.GenerateVerifier()
	client, back := signIn(t, p, secret)
	granted, err := client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(secret))
	require.NoError(t, err)
	token, err := verify(t.Context(), p, granted)
	require.NoError(t, err)
	require.Equal(t, "the-nonce", token.Nonce)
	var claims struct {
		Email  string
		Groups []string
	}
	require.NoError(t, token.Claims(&claims))
	require.Equal(t, "ada@example.com", claims.Email)
	require.Equal(t, []string{"search", "perf"}, claims.Groups)

	_, err = client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(secret))
	require.ErrorContains(t, err, "invalid_grant", "a code is good for once")
}

func TestACodeNeedsItsVerifierAndTheSecret(t *testing.T) {
	p := NewIdentityProvider(t)
	client, back := signIn(t, p, oauth2.GenerateVerifier())
	_, err := client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier()))
	require.ErrorContains(t, err, "invalid_grant")

	client, back = signIn(t, p, "v")
	client.ClientSecret = "guessed"
	_, err = client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption("v"))
	require.ErrorContains(t, err, "invalid_client")
}

func TestALoginCanBeDenied(t *testing.T) {
	p := NewIdentityProvider(t)
	p.Deny("access_denied")
	_, back := signIn(t, p, "v")
	require.Equal(t, "access_denied", back.Get("error"))
	require.Empty(t, back.Get("code"))
}

func TestIDTokensCanBeSpoiled(t *testing.T) {
	p := NewIdentityProvider(t)
	p.Rotate()
	p.Change(func(claims map[string]any) { claims["aud"], claims["nonce"] = "somebody else", nil })
	client, back := signIn(t, p, "v")
	granted, err := client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption("v"))
	require.NoError(t, err)
	_, err = verify(t.Context(), p, granted)
	require.ErrorContains(t, err, "audience")
}
