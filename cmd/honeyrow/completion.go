package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"honeyrow/alert"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/app"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by --help.
func (completionCmd) Help() string {
	return "The Debian package installs it. By hand: source <(honeyrow completion bash), the same with zsh, or honeyrow completion fish | source. " +
		"Sinks, incidents and rules are those of the configuration that is found.\n\n" +
		"Example: honeyrow completion bash > /etc/bash_completion.d/honeyrow"
}

// The scripts ask the program: what it proposes is what it understands. A line is a
// proposal, or with a tab and what it means; the line ":files" stands for the
// names of files.
var completionScripts = map[string]string{
	"bash": `_honeyrow() {
	local line files=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) files=1 ;;
		?*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	if [[ $files ]]; then compopt -o default; fi
}
complete -F _honeyrow honeyrow
`,
	"zsh": `#compdef honeyrow
_honeyrow() {
	local line files= name
	local -a proposals
	while IFS= read -r line; do
		if [[ $line == :files ]]; then files=1; continue; fi
		name=${line%%$'\t'*}
		name=${name//:/\\:}
		if [[ $line == *$'\t'* ]]; then name="$name:${line#*$'\t'}"; fi
		proposals+=("$name")
	done < <("${(Q)words[1]}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
	if (( $#proposals )); then _describe -V honeyrow proposals; fi
	if [[ -n $files ]]; then _files; fi
}
if [[ $funcstack[1] == _honeyrow ]]; then _honeyrow "$@"; else compdef _honeyrow honeyrow; fi
`,
	"fish": `function __honeyrow_complete
	set -l words (commandline -opc) (commandline -ct)
	for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
		if test "$line" = :files
			__fish_complete_path (commandline -ct)
		else
			printf '%s\n' $line
		end
	end
end
complete -c honeyrow -f -a '(__honeyrow_complete)'
`,
}

// Run prints the script of a shell.
func (c *completionCmd) Run(e *env) error {
	_, err := fmt.Fprint(e.stdout, completionScripts[c.Shell])
	return err
}

// completeCmd is what the scripts call, with the words of a command line up to the
// one at which the cursor stands.
type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Help is shown by --help.
func (completeCmd) Help() string { return "Example: honeyrow complete -- alerts te" }

// Run prints proposals for the last word.
func (c *completeCmd) Run(e *env) error {
	if len(c.Words) > 0 && c.Words[0] == "--" {
		c.Words = c.Words[1:]
	}
	if len(c.Words) == 0 {
		c.Words = []string{""}
	}
	p := typed{env: e, node: e.model.Node}
	for _, w := range c.Words[:len(c.Words)-1] {
		p.take(w)
	}
	p.propose(c.Words[len(c.Words)-1])
	return nil
}

// typed is a command line as far as it is written.
type typed struct {
	env  *env
	node *kong.Node
	// value is the flag whose value the next word is; nil: none.
	value *kong.Flag
	args  int // positional arguments of node so far
}

// take goes on by one word. bash gives an equals sign behind a flag as a word of
// its own.
func (p *typed) take(word string) {
	switch {
	case p.value != nil:
		if word == "=" {
			return
		}
		if p.value.Name == "config" {
			p.env.config = word
		}
		p.value = nil
	case strings.HasPrefix(word, "-") && len(word) > 1:
		name, value, whole := strings.Cut(word, "=")
		f := p.flag(name)
		switch {
		case f == nil || f.IsBool() || f.IsCounter():
		case whole && f.Name == "config":
			p.env.config = value
		case !whole:
			p.value = f
		}
	default:
		for _, n := range p.node.Children {
			if n.Name == word || slices.Contains(n.Aliases, word) {
				p.node = n
				return
			}
		}
		p.args++
	}
}

// flags are those that may stand here, the command's own first.
func (p *typed) flags() (out []*kong.Flag) {
	for n := p.node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				out = append(out, f)
			}
		}
	}
	return out
}

func (p *typed) flag(name string) *kong.Flag {
	for _, f := range p.flags() {
		if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

// propose prints what word may become.
func (p *typed) propose(word string) {
	if p.value != nil {
		if word == "=" {
			word = ""
		}
		p.values(word, "", p.value.Value, p.value.PlaceHolder)
		return
	}
	if name, value, whole := strings.Cut(word, "="); whole && strings.HasPrefix(word, "-") {
		if f := p.flag(name); f != nil {
			p.values(value, name+"=", f.Value, f.PlaceHolder)
		}
		return
	}
	if strings.HasPrefix(word, "-") {
		for _, f := range p.flags() {
			p.tell(word, "", "--"+f.Name, f.Help)
		}
		return
	}
	for _, n := range p.node.Children {
		if !n.Hidden {
			p.tell(word, "", n.Name, n.Help)
		}
	}
	args := p.node.Positional
	if len(args) == 0 {
		return
	}
	if last := args[len(args)-1]; p.args < len(args) {
		p.values(word, "", args[p.args], args[p.args].Tag.PlaceHolder)
	} else if last.IsSlice() {
		p.values(word, "", last, last.Tag.PlaceHolder)
	}
}

// tell prints one proposal if it begins as word does. lead stands before it.
func (p *typed) tell(word, lead, proposal, meaning string) {
	if !strings.HasPrefix(proposal, word) || strings.HasPrefix(proposal, ":") || strings.ContainsAny(proposal, "\t\n") {
		return
	}
	meaning = render.Cut(printable(meaning), 100)
	fmt.Fprintf(p.env.stdout, "%s%s\t%s\n", lead, proposal, meaning)
}

// values prints the values that a flag or an argument may have.
func (p *typed) values(word, lead string, v *kong.Value, holder string) {
	if v.IsSlice() { // a list with commas: its last entry
		if i := strings.LastIndexByte(word, ','); i >= 0 && v.Flag != nil {
			lead, word = lead+word[:i+1], word[i+1:]
		}
	}
	switch {
	case v.Enum != "":
		for _, one := range v.EnumSlice() {
			p.tell(word, lead, one, "")
		}
	case slices.Contains([]string{"FILE", "FOLDER", "PLAN"}, holder), slices.Contains([]string{"file", "files"}, v.Name):
		fmt.Fprintln(p.env.stdout, ":files")
	case v.Flag == nil:
		p.known(word, v.Name)
	}
}

// patience is how long a person who pressed the tab key waits.
const patience = 2 * time.Second

// known proposes what configuration and registry know. Where they can't be read
// nothing is proposed.
func (p *typed) known(word, argument string) {
	ctx, cancel := context.WithTimeout(p.env.ctx, patience)
	defer cancel()
	e := *p.env
	e.ctx = ctx
	switch path := p.node.FullPath(); {
	case argument == "sink":
		if cfg, err := e.load(); err == nil {
			for _, s := range cfg.Alerts.Sinks {
				p.tell(word, "", s.Name, s.Type)
			}
		}
	case argument == "incident":
		_ = e.withStore(func(st *app.Store) error {
			incs, err := st.Incidents(ctx, alert.IncidentQuery{Limit: 50, States: p.states()})
			for _, inc := range slices.Backward(incs) {
				p.tell(word, "", fmt.Sprint(inc.Number), inc.Summary)
			}
			return err
		})
	case strings.HasSuffix(path, "rules explain"):
		if set, err := e.ruleSet(nil); err == nil {
			for _, r := range set.Rules() {
				p.tell(word, "", r.ID, r.Title)
			}
		}
	}
}

// states are those of the incidents that the command can do something with.
func (p *typed) states() []event.IncidentState {
	switch p.node.Name {
	case "ack":
		return []event.IncidentState{event.Open}
	case "resolve", "allow":
		return []event.IncidentState{event.Open, event.Acknowledged}
	case "reopen":
		return []event.IncidentState{event.Acknowledged, event.Resolved, event.Allowed}
	}
	return nil
}
