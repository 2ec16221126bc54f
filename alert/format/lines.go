package format

import (
	"fmt"
	"strconv"
	"strings"

	"honeyrow/alert/render"
	"honeyrow/event"
)

// severities are the numbers from 0 to 10 of CEF and LEEF: 0 to 3 low, 4 to 6
// medium, 7 and 8 high, 9 and 10 very high ("ArcSight Common Event Format",
// revision 25, "Header Information").
var severities = map[event.Severity]int{event.Info: 1, event.Low: 3, event.Medium: 5, event.High: 8, event.Critical: 10}

// CEF writes d in the Common Event Format (Micro Focus, "Implementing ArcSight
// Common Event Format", revision 25): in the header backslash and pipe are
// escaped and there are no line ends; in the extension backslash and equals
// sign are escaped, and line ends are written as \n and \r.
func CEF(d *event.Detection) ([]byte, error) {
	var b strings.Builder
	b.WriteString("CEF:0")
	for _, f := range []string{product, product, version(), d.Rule, Cut(d.Summary, 512), strconv.Itoa(severities[gravity(d)])} {
		b.WriteString("|" + cefHeader.Replace(render.Clean(Cut(f, 512))))
	}
	b.WriteString("|")
	sep := ""
	for _, f := range cefFields(d) {
		if f.value != "" {
			b.WriteString(sep + f.key + "=" + cefValue(f.value, f.max))
			sep = " "
		}
	}
	b.WriteString("\n")
	return []byte(b.String()), nil
}

// The backslashes that render.Clean makes are escaped too.
var (
	cefHeader    = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	cefExtension = strings.NewReplacer(`\`, `\\`, `=`, `\=`)
)

func cefValue(s string, max int) string {
	lines := strings.Split(strings.ReplaceAll(Cut(s, max), "\r\n", "\n"), "\n")
	for i, l := range lines {
		parts := strings.Split(l, "\r")
		for j, p := range parts {
			parts[j] = cefExtension.Replace(render.Clean(p))
		}
		lines[i] = strings.Join(parts, `\r`)
	}
	return strings.Join(lines, `\n`)
}

type field struct {
	key, value string
	max        int // bytes, as the dictionary says
}

// cefFields are keys of CEF's extension dictionary, with its lengths.
func cefFields(d *event.Detection) []field {
	host, ip, port := address(d.Client.Address)
	fs := []field{
		{"rt", strconv.FormatInt(d.Time.UnixMilli(), 10), 32},
		{"externalId", string(d.ID), 40},
		{"act", d.Action.String(), 63},
		{"cat", d.Rule, 1023},
		{"app", d.Client.Protocol, 31},
		{"suser", d.Client.User, 1023},
		{"sproc", d.Client.Application, 1023},
		{"dhost", d.Client.Server, 1023},
		{"cnt", strconv.Itoa(d.HitCount), 10},
		{"msg", d.Summary, 1023},
		{"outcome", outcome(d), 63},
	}
	switch {
	case ip == nil:
		fs = append(fs, field{"shost", host, 1023})
	case ip.To4() != nil:
		fs = append(fs, field{"src", ip.String(), 16})
	default:
		fs = append(fs, field{"c6a2", ip.String(), 45}, field{"c6a2Label", "Source IPv6 Address", 1023})
	}
	if port > 0 {
		fs = append(fs, field{"spt", strconv.Itoa(port), 5})
	}
	custom := func(n int, label, value string) {
		if value != "" {
			key := "cs" + strconv.Itoa(n)
			fs = append(fs, field{key, value, 4000}, field{key + "Label", label, 1023})
		}
	}
	custom(1, "Database", d.Client.Database)
	custom(2, "Tables", tableNames(d))
	custom(3, "Statement", d.Statement.Text)
	custom(4, "Session", string(d.Client.Session))
	custom(5, "Tags", strings.Join(tags(d), ","))
	if d.Incident != nil {
		custom(6, "Incident", string(d.Incident.ID))
	}
	return append(fs, field{"cn1", strconv.Itoa(d.HoneyRows), 20}, field{"cn1Label", "Honey Rows", 1023},
		field{"cn2", strconv.FormatUint(d.Run.Rows, 10), 20}, field{"cn2Label", "Rows Returned", 1023},
		field{"cn3", strconv.Itoa(d.Revision), 20}, field{"cn3Label", "Revision", 1023})
}

func tableNames(d *event.Detection) string {
	var names []string
	for _, p := range tables(d) {
		names = append(names, full(p))
	}
	return strings.Join(names, ",")
}

func outcome(d *event.Detection) string {
	switch {
	case d.Drill:
		return "drill"
	case d.Action >= event.Block:
		return "failure" // what the client wanted
	}
	return "success"
}

// LEEF writes d in the Log Event Extended Format 2.0 (IBM, "QRadar Log Event
// Extended Format (LEEF)"), with the tab as delimiter. The form has no escapes:
// values hold no tab and no line end, the header no pipe.
func LEEF(d *event.Detection) ([]byte, error) {
	var b strings.Builder
	b.WriteString("LEEF:2.0")
	for _, f := range []string{product, product, version(), d.Rule} {
		b.WriteString("|" + strings.ReplaceAll(render.Clean(f), "|", "_"))
	}
	b.WriteString("|x09|")
	host, ip, port := address(d.Client.Address)
	src := ""
	if ip != nil {
		src, host = ip.String(), ""
	}
	sep := ""
	add := func(key, value string) {
		if value != "" {
			b.WriteString(sep + key + "=" + render.Clean(Cut(value, 4000)))
			sep = "\t"
		}
	}
	add("devTime", d.Time.Format("2006-01-02T15:04:05.000-0700"))
	add("devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSZ")
	add("cat", d.Rule)
	add("sev", strconv.Itoa(severities[gravity(d)]))
	add("src", src)
	add("identHostName", host)
	if port > 0 {
		add("srcPort", strconv.Itoa(port))
	}
	add("usrName", d.Client.User)
	add("action", d.Action.String())
	add("msg", d.Summary)
	add("id", string(d.ID))
	add("revision", strconv.Itoa(d.Revision))
	if d.Incident != nil {
		add("incident", string(d.Incident.ID))
	}
	add("session", string(d.Client.Session))
	add("server", d.Client.Server)
	add("database", d.Client.Database)
	add("application", d.Client.Application)
	add("resource", tableNames(d))
	add("statement", d.Statement.Text)
	add("tags", strings.Join(tags(d), ","))
	add("honeyRows", strconv.Itoa(d.HoneyRows))
	add("hits", strconv.Itoa(d.HitCount))
	add("rows", fmt.Sprint(d.Run.Rows))
	if d.Drill {
		add("drill", "true")
	}
	b.WriteString("\n")
	return []byte(b.String()), nil
}
