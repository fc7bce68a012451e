// One list out of what several providers found: the same book once, each field from the first provider that knows it.
//
// Which records are the same book:
//  1. equal ISBN-13, whoever says so;
//  2. a work that lists several ISBNs, with another provider's edition that has one of them;
//  3. equal title key and first author's key, of different providers, unless both are editions with an ISBN of their
//  own:
//     two editions stay apart, and so do two records that one provider tells apart.
//
// Order: reciprocal rank fusion (Cormack, Clarke, Buettcher 2009): a book scores 1/(60 + rank) at each provider that
// found it; ties go to the provider named first, then to the rank. So what several found comes first, and the rest
// alternates. Nothing depends on time, hashing or which answer came first.
#pragma once

#include "actors/orchestrator/route.hpp"
#include "apps/books/book.hpp"

#include <span>
#include <string>

namespace troupe::books {

/// Merges a search; at most `q.limit` books (0: all).
[[nodiscard]] records_ptr merge_search(const question& q, std::span<const contribution> found);

/// Merges one page of a list that is read to its end: nothing is cut off, because `q.limit` was each provider's.
[[nodiscard]] records_ptr merge_page(const question& q, std::span<const contribution> found);

/// Merges details into one record, or none: the records that carry the ISBN asked for (`q.text`), completed by those
/// without any ISBN that have the same title. If no record carries it, the first without any ISBN is the answer.
[[nodiscard]] records_ptr merge_details(const question& q, std::span<const contribution> found);

/// By which two providers' records are one book where an ISBN does not say so: title and first author. Empty without an
/// author: a title alone ("Poems") says too little.
[[nodiscard]] std::string name_key(const book& b);

/// Completes `into` from another record of the same book: every field that it does not know, with its provenance.
void complete(book& into, const book& from);

} // namespace troupe::books
