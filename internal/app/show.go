package app

import (
	"fmt"
	"net/url"
	"slices"

	"go.yaml.in/yaml/v3"
)

// hidden stands in the place of what may be a secret.
const hidden = "********"

// Show returns the configuration in force as YAML: what the file says, and the
// defaults of what it leaves out; keys without a value are left out. Secrets are
// in no configuration, which names the file or variable that holds them; what may
// be one all the same is shown as stars: the user, path and parameters of a URL, the
// values of headers.
func (c *Config) Show() ([]byte, error) {
	var n yaml.Node
	if err := n.Encode(c); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	for i, s := range c.Servers {
		if s.Protocol != mysql {
			drop(at(&n, "servers").Content[i], ofMySQLServers)
		}
	}
	for i, l := range c.Listeners {
		it := at(&n, "listeners").Content[i]
		drop(it, []string{"protocol"}) // its server's
		if l.Protocol == mysql {
			drop(it, ofPostgresListeners)
		} else {
			drop(it, ofMySQLListeners)
		}
	}
	tidy(&n)
	return yaml.Marshal(&n)
}

// at returns the value of a key that a mapping has.
func at(n *yaml.Node, key string) *yaml.Node {
	i := slices.IndexFunc(n.Content, func(k *yaml.Node) bool { return k.Value == key })
	return n.Content[i+1]
}

// drop takes keys out of a mapping.
func drop(n *yaml.Node, keys []string) {
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
}

// Shown is Show for JSON: maps, lists, texts, numbers.
func (c *Config) Shown() (map[string]any, error) {
	b, err := c.Show()
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	return out, yaml.Unmarshal(b, &out)
}

// tidy hides what may be a secret and drops keys without a value; it reports
// whether anything is left of n.
func tidy(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.MappingNode:
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			switch {
			case key.Value == "url" && value.Kind == yaml.ScalarNode:
				value.Value = address(value.Value)
			case key.Value == "headers" && value.Kind == yaml.MappingNode:
				for k := 1; k < len(value.Content); k += 2 {
					value.Content[k].Value = hidden
				}
			}
			if tidy(value) {
				kept = append(kept, key, value)
			}
		}
		n.Content = kept
		return len(kept) > 0
	case yaml.SequenceNode:
		for _, v := range n.Content {
			tidy(v)
		}
		return len(n.Content) > 0
	case yaml.ScalarNode:
		return n.Tag != "!!null" && (n.Value != "" || n.Tag != "!!str")
	}
	return true
}

// address is what of a URL may be shown.
func address(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return hidden
	}
	shown := u.Scheme + "://" + u.Host
	if text != shown {
		shown += "/" + hidden
	}
	return shown
}
