package app

// Totals logs what was counted since the start: one line for each listener and
// sink, and one for the engine and the recorder.
func (a *App) Totals() {
	a.mu.Lock()
	ls := make(map[string]*listening, len(a.listeners))
	for key, l := range a.listeners {
		ls[key] = l
	}
	a.mu.Unlock()
	for _, l := range ls {
		a.totalsOf(l)
	}
	st := a.engine.Stats()
	a.log.Info().Int("tokens", st.Tokens).Uint64("registry_version", st.Version).Uint64("sessions", st.Sessions).
		Uint64("hits", st.Hits).Uint64("detections", st.Detections).Uint64("allowed", st.Allowed).Uint64("disabled", st.Disabled).
		Uint64("statements_cut", st.Truncated).Uint64("rows_crowded", st.Crowded).
		Uint64("sessions_in_quarantine", st.Refused).Uint64("quarantines_spared", st.Spared).Uint64("conditions_failed", st.Failed).Msg("totals of the engine")
	t, _ := a.press.totals()
	rec := t.rec
	a.log.Info().Uint64("reported", rec.Reported).Uint64("committed", rec.Committed).Uint64("waited", rec.Blocked).
		Uint64("commits_failed", rec.Failed).Uint64("lost", rec.Lost).Int("queued", rec.Queued).Msg("totals of the recorder")
	for name, s := range t.sinks {
		a.log.Info().Str("sink", name).Uint64("delivered", s.Delivered).Uint64("failed", s.Failed).Uint64("dead", s.Dead).Msg("totals of a sink")
	}
}

func (a *App) totalsOf(l *listening) {
	c := &l.Counters
	e := a.log.Info().Str("address", l.Addr().String()).Int64("connections_now", c.Active.Load()).Uint64("accepted", c.Accepted.Load()).
		Uint64("rejected", c.Rejected.Load()).Uint64("sessions", c.Sessions.Load()).
		Uint64("logins_failed_client", c.LoginsFailedClient.Load()).Uint64("logins_failed_server", c.LoginsFailedServer.Load()).
		Uint64("malformed_client", c.MalformedClient.Load()).Uint64("malformed_server", c.MalformedServer.Load()).Uint64("panics", c.Panics.Load()).
		Uint64("bytes_to_client", c.ToClient.Load()).Uint64("bytes_to_server", c.ToServer.Load())
	l.proto.totals(e)
	e.Msg("totals of a listener")
}
