package app

import "context"

func makeRegistry(context.Context, *Config) error { return nil }
