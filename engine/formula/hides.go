package formula

import "honeyrow/engine/sqlfacts"

// hiding are functions whose outcome tells nothing of its own: ciphers with a key
// of each message, or of the server's own making, and weights of a collation.
var hiding = names(`pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea crypt des_encrypt old_password weight_string`)

// keyed are ciphers that can be done again if the text has their keys.
var keyed = names("encrypt encrypt_iv aes_encrypt")

// Hides returns the name of a function by which a statement returns values that
// cannot be recognised, and that no formula makes again; empty if it has none.
func Hides(trees []*sqlfacts.Node, my bool) (name string) {
	for _, t := range trees {
		sqlfacts.Walk(t, func(n *sqlfacts.Node, above []*sqlfacts.Node) bool {
			switch n.Kind {
			case sqlfacts.Where, sqlfacts.Having, sqlfacts.Values, sqlfacts.Group, sqlfacts.Order, sqlfacts.Limit, sqlfacts.Assign, sqlfacts.Conflict,
				sqlfacts.Insert, sqlfacts.Update, sqlfacts.Delete, sqlfacts.Merge, sqlfacts.Define:
				return false
			case sqlfacts.Func:
			default:
				return true
			}
			if name != "" || len(n.Args) == 0 || !depends(n.Args[0], 0) {
				return true
			}
			switch {
			case hiding[n.Name], my && (n.Name == "encode" && len(n.Args) == 2 || n.Name == "encrypt"):
				name = n.Name
			case keyed[n.Name]:
				for _, a := range n.Args[1:] {
					if depends(a, 0) {
						name = n.Name
					}
				}
			}
			return true
		})
	}
	return name
}
