package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"time"

	"bellwether/bot"
)

//go:embed templates
var files embed.FS

// The style and the script are in the page itself, and the policy allows these two alone, by their hashes: a page is one
// response that can be saved, and nothing that slipped into it would run.
var (
	style  = asset("page.css")
	script = asset("page.js")

	pagePolicy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		source(style), source(script))
	// chartPolicy is for a chart opened on its own: its style is in its elements.
	chartPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
)

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"style":   func() template.CSS { return template.CSS(style) },
	"script":  func() template.JS { return template.JS(script) },
	"word":    word,
	"capital": capital,
	"roughly": bot.Roughly,
	"utc":     func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
	"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(files, "templates/*.html"))

func asset(name string) string {
	content, err := files.ReadFile("templates/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(content)
}

// source allows exactly this text in a Content-Security-Policy.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
