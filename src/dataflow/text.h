/* dataflow/text.h - modules written as text, compiled to artifacts.
 *
 * Model      doc/modules.md describes the language: modules with bindings, a body and a bootstrap,
 *            and functions they share; one operation a line. Compiling checks form only; what an
 *            operation means is the installer's business.
 * Ownership  The text is borrowed for the call; the artifact is appended to the buffer.
 * Bounds     A line has at most DF_TEXT_PARTS_MAX names or numbers; the buffer's own maximum bounds
 *            the rest.
 * Errors     E_INVALID naming the line, E_LIMIT, E_MEMORY.
 * Trust      The text is foreign.
 * Threads    None of its own.
 */
#pragma once
#include "base/bytes.h"

enum { DF_TEXT_PARTS_MAX = 256 };

WW_MUST_USE ww_status ww_dataflow_compile(const ww_allocator *allocator, ww_view text,
                                          ww_buf *artifact, ww_diag *diag);
