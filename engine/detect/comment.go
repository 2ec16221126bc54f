package detect

import (
	"honeyrow/engine/sqlfacts"
)

// comment: the rest of a statement is cut off.
var comment = Detector{
	ID: "comment-truncation", Title: "The statement's end is commented away",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		switch {
		case x.has(sqlfacts.CommentCut):
			x.see(3, "the text ends inside a comment that holds nothing, or the rest of a statement")
		case x.has(sqlfacts.CommentTail):
			x.see(1, "the text ends inside a comment")
		}
		if x.has(sqlfacts.CommentOver) {
			x.see(3, "a comment inside the statement that begins or ends within a value")
		}
		if x.has(sqlfacts.Unclosed) {
			x.see(2, "a quote or a comment is not closed")
		}
	},
}
