package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Apology draws a page that says why there is nothing else to see.
type Apology func(w http.ResponseWriter, status int, title, advice string)

// refusal is why somebody was not signed in.
type refusal struct {
	status        int
	title, advice string
	cause         error // for the log
}

func (r *refusal) Error() string { return r.title }

// Reader is the name of who has signed in.
func (c *Client) Reader(r *http.Request) (name string, ok bool) {
	var who reader
	if !c.open(r, "session", &who) || !c.settings.Now().Before(who.Until) {
		return "", false
	}
	return who.Name, true
}

// Require sends whoever has not signed in to the provider, and from there back to the page that was asked for.
func (c *Client) Require(next http.HandlerFunc, sorry Apology) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := c.Reader(r); ok {
			next(w, r)
			return
		}
		c.answer(w, r, sorry, c.start)
	}
}

// Callback is where the provider sends people to: CallbackPath.
func (c *Client) Callback(sorry Apology) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, sorry, c.finish) }
}

// Logout forgets who has signed in: LogoutPath. Anybody may send a reader here: no more is lost than the next click costs.
func (c *Client) Logout(sorry Apology) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		http.SetCookie(w, c.bare(c.cookieName("session"), "", -1))
		sorry(w, http.StatusOK, "You are signed out", "The identity provider still knows you: sign out there, too, on a machine that others use.")
	}
}

// answer redirects, or apologises.
func (c *Client) answer(w http.ResponseWriter, r *http.Request, sorry Apology, step func(http.ResponseWriter, *http.Request) (string, *refusal)) {
	w.Header().Set("Cache-Control", "no-store")
	to, refused := step(w, r)
	if refused == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	if refused.cause != nil {
		c.settings.Log.Warn("sign in", "refused", refused.title, "error", refused.cause)
	}
	sorry(w, refused.status, refused.title, refused.advice)
}

// start is the provider's address to sign in at. Only a page is worth that, not what it is made of.
func (c *Client) start(w http.ResponseWriter, r *http.Request) (string, *refusal) {
	back := r.URL.RequestURI()
	if kind := r.Header.Get("Sec-Fetch-Dest"); kind != "" && kind != "document" || len(back) > longestPath || !strings.HasPrefix(back, "/") {
		return "", &refusal{status: http.StatusUnauthorized, title: "You are not signed in", advice: "Open the page of the run from your chat."}
	}
	provider, err := c.discover(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", fmt.Sprint(rest.Seconds()))
		return "", &refusal{http.StatusServiceUnavailable, "The identity provider does not answer", "Signing in needs it. Try again in a minute.", err}
	}
	s := begin(back, c.settings.Now())
	s.Verifier = oauth2.GenerateVerifier()
	cookie, err := c.cookie(attemptName(s.State), s, attempt)
	if err != nil {
		return "", failed(err)
	}
	http.SetCookie(w, cookie)
	return c.flow(provider).AuthCodeURL(s.State, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier)), nil
}

// finish is the address of the page that was asked for, once it is known who asks.
func (c *Client) finish(w http.ResponseWriter, r *http.Request) (string, *refusal) {
	query := r.URL.Query()
	state := query.Get("state")
	var s started
	if !c.open(r, attemptName(state), &s) || subtle.ConstantTimeCompare([]byte(s.State), []byte(state)) != 1 || !c.settings.Now().Before(s.Until) {
		return "", &refusal{status: http.StatusBadRequest, title: "This sign-in was not begun here", advice: "Or it took too long, or is through already. Open the link from your chat again."}
	}
	http.SetCookie(w, c.bare(c.cookieName(attemptName(state)), "", -1)) // once only
	if query.Get("error") != "" || query.Get("code") == "" {
		return "", denied(query)
	}
	who, err := c.identify(r.Context(), query.Get("code"), s)
	if err != nil {
		return "", failed(err)
	}
	if !c.admits(who) {
		return "", &refusal{
			http.StatusForbidden, "You may not read these pages", who.called() + " is signed in, but may read only as one of: " + c.readers() + ". Ask whoever runs Bellwether.",
			fmt.Errorf("%s is not admitted", who.Subject),
		}
	}
	cookie, err := c.cookie("session", reader{Name: who.called(), Until: c.settings.Now().Add(session)}, session)
	if err != nil {
		return "", failed(err)
	}
	http.SetCookie(w, cookie)
	return c.settings.PublicURL + s.Back, nil
}

// identify exchanges the code for an ID token, and believes only one that was made for this sign-in.
func (c *Client) identify(ctx context.Context, code string, s started) (claims, error) {
	provider, err := c.discover(ctx)
	if err != nil {
		return claims{}, err
	}
	token, err := c.flow(provider).Exchange(oidc.ClientContext(ctx, c.http), code, oauth2.VerifierOption(s.Verifier))
	if answered, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return claims{}, fmt.Errorf("exchange the code: %s %s", answered.Response.Status, errorCode(answered.ErrorCode)) // not its body: who knows what it repeats
	}
	if err != nil {
		return claims{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	proof, err := provider.Verifier(&oidc.Config{ClientID: c.settings.ClientID, Now: c.settings.Now}).Verify(ctx, raw)
	if err != nil {
		return claims{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(proof.Nonce), []byte(s.Nonce)) != 1 {
		return claims{}, errors.New("verify the ID token: it was made for another sign-in")
	}
	who := claims{Subject: proof.Subject}
	if err := proof.Claims(&who); err != nil {
		return claims{}, fmt.Errorf("read the ID token: %w", err)
	}
	return who, nil
}

// failed is for what only an operator can mend.
func failed(cause error) *refusal {
	return &refusal{
		http.StatusBadGateway, "You could not be signed in",
		"Open the link from your chat again. If this stays, the operator finds the reason in Bellwether's log.", cause,
	}
}

// denied is for what the provider itself refused.
func denied(query url.Values) *refusal {
	return &refusal{
		http.StatusForbidden, "You were not signed in", "The identity provider refused: " + errorCode(query.Get("error")) + ".",
		errors.New("the provider refused: " + errorCode(query.Get("error"))),
	}
}

// oauthError is what the codes of OAuth errors look like; anything else under that name is somebody's joke.
var oauthError = regexp.MustCompile(`^[a-z_]{1,64}$`)

func errorCode(code string) string {
	if !oauthError.MatchString(code) {
		return "no reason given"
	}
	return code
}
