// Whether what was begun is still the last of its kind: what was waited for may come too late.

// turns() begins one; what that returns says whether no later one has begun.
export function turns() {
  let last = 0;
  return () => {
    const own = (last += 1);
    return () => own === last;
  };
}
