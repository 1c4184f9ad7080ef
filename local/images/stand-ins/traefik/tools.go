//go:build tools

// Package traefik pins Traefik, which is built as its authors ship it.
package traefik

import _ "github.com/traefik/traefik/v3/cmd/traefik"
