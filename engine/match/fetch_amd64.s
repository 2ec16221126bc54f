#include "textflag.h"

// func fetch(table *uint64, hashes *uint64, n int, shift uint64)
TEXT ·fetch(SB), NOSPLIT, $0-32
	MOVQ table+0(FP), DI
	MOVQ hashes+8(FP), SI
	MOVQ n+16(FP), DX
	MOVQ shift+24(FP), CX
	LEAQ (SI)(DX*8), DX
	JMP  test

next:
	MOVQ (SI), AX
	SHRQ CX, AX
	PREFETCHT0 (DI)(AX*8)
	ADDQ $8, SI

test:
	CMPQ SI, DX
	JCS  next
	RET
