/** Times as people say them: the hour alone where it is today's, the day with it where it is not. */
export function sinceWhen(rfc3339: string, language: string, now = new Date()): string {
  const at = new Date(rfc3339)
  if (Number.isNaN(at.getTime())) return ''
  const today = at.toDateString() === now.toDateString()
  return at.toLocaleString(language, {
    ...(today ? {} : { month: 'long', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  })
}
