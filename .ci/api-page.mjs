// The reference as one page of HTML that needs nothing else.

const KINDS = [
  ['function', 'Functions'],
  ['class', 'Classes'],
  ['interface', 'Interfaces'],
  ['type', 'Types'],
  ['const', 'Constants'],
]

/** The page for what `readApi()` gives. */
export function pageOf({ modules, mentioned }, version) {
  const page = new Page(modules, mentioned)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>fastws ${version}: reference</title>
<style>${STYLE}</style>
<nav aria-label="Contents">
<p class="title"><a href="#top">fastws ${version}</a></p>
${modules.map((module) => page.contents(module)).join('\n')}
</nav>
<main id="top">
<h1>fastws ${version}: reference</h1>
<p>Everything that can be imported from ${modules.map(({ name }) => `<code>${name}</code>`).join(' and ')}, out of the comments in the
sources. How it is used is in the README and its guides.</p>
${modules.map((module) => page.module(module)).join('\n')}
<h2 id="mentioned">Mentioned above</h2>
<p>Types that stand in signatures. They have no export of their own.</p>
${mentioned.map((type) => page.mentioned(type)).join('\n')}
</main>
</html>
`
}

class Page {
  /** The first place a name is told at; what both modules export is told once. */
  #homes = new Map()

  constructor(modules, mentioned) {
    for (const { name, exports } of modules)
      for (const entry of exports) if (!this.#homes.has(entry.name)) this.#homes.set(entry.name, name)
    for (const { name } of mentioned) this.#homes.set(name, 'mentioned')
  }

  contents({ name, exports }) {
    const groups = this.#groups(name, exports).map(
      ([title, entries]) =>
        `<li>${title}<ul>${entries.map((entry) => `<li><a href="#${entry.name}">${entry.name}</a></li>`).join('')}</ul></li>`,
    )
    return `<p class="module"><a href="#${idOf(name)}">${name}</a></p><ul>${groups.join('\n')}</ul>`
  }

  module({ name, exports }) {
    const groups = this.#groups(name, exports).map(
      ([title, entries]) =>
        `<h3 id="${idOf(name)}-${title.toLowerCase()}">${title}</h3>\n${entries.map((entry) => this.#entry(entry)).join('\n')}`,
    )
    const elsewhere = exports.filter((entry) => this.#homes.get(entry.name) !== name)
    const again = elsewhere
      .map((entry) => `<a href="#${entry.name}"><code>${entry.name}</code></a>`)
      .join(', ')
    return `<h2 id="${idOf(name)}">${name}</h2>
<pre><code>import { … } from '${name}'</code></pre>
${again === '' ? '' : `<p>Exports these, too: ${again}.</p>`}
${groups.join('\n')}`
  }

  mentioned({ name, doc, signature }) {
    return `<section id="${name}"><h4>${name}</h4>${this.#prose(doc)}${this.#code(signature)}</section>`
  }

  #groups(module, exports) {
    const here = exports.filter((entry) => this.#homes.get(entry.name) === module)
    return KINDS.map(([kind, title]) => [
      title,
      here.filter((entry) => entry.kind === kind).sort(byName),
    ]).filter(([, entries]) => entries.length > 0)
  }

  #entry({ name, kind, signature, doc, tags, members, file }) {
    const source = file.replace('dist/', '').replace('.d.ts', '.ts')
    return `<section id="${name}">
<h4><a href="#${name}">${name}</a> <small>${kind}, ${source}</small></h4>
${this.#prose(doc)}
${this.#code(signature)}
${this.#tags(tags)}
${members.length === 0 ? '' : `<dl>${members.map((member) => this.#member(name, member)).join('\n')}</dl>`}
</section>`
  }

  #member(owner, { name, signatures, doc, tags }) {
    const id = `${owner}.${name.replaceAll(' ', '-')}`
    return `<dt id="${escaped(id)}">${this.#code(signatures.join('\n'))}</dt><dd>${this.#prose(doc)}${this.#tags(tags)}</dd>`
  }

  #tags(tags) {
    return tags
      .map(({ name, text }) => {
        if (name === 'example') return `<pre class="example"><code>${this.#linked(text)}</code></pre>`
        const [, what = '', rest = ''] = name === 'param' ? /^(\w+)\s+([\s\S]*)$/.exec(text) : ['', '', text]
        const label =
          name === 'param' ? `<code>${escaped(what)}</code>` : name === 'throws' ? 'Throws' : escaped(name)
        return `<p class="tag">${label}: ${this.#inline(rest)}</p>`
      })
      .join('\n')
  }

  /** Paragraphs, lists and indented code of a comment. */
  #prose(doc) {
    if (doc === '') return ''
    return doc
      .split(/\n{2,}/)
      .map((block) => {
        if (/^ {4}/.test(block)) return `<pre><code>${escaped(block.replaceAll(/^ {4}/gm, ''))}</code></pre>`
        if (!/^- /.test(block)) return `<p>${this.#inline(block)}</p>`
        const items = block.split(/^- /m).filter(Boolean)
        return `<ul>${items.map((item) => `<li>${this.#inline(item)}</li>`).join('')}</ul>`
      })
      .join('\n')
  }

  #inline(text) {
    return escaped(text).replaceAll(/`([^`]+)`/g, (_, code) => `<code>${this.#linkedEscaped(code)}</code>`)
  }

  #code(text) {
    return `<pre><code>${this.#linked(text)}</code></pre>`
  }

  #linked(text) {
    return this.#linkedEscaped(escaped(text))
  }

  /** Names that are told of somewhere on the page become links. What is in quotes or a comment stays as it is. */
  #linkedEscaped(html) {
    return html.replaceAll(/&#39;.*?&#39;|\/\/.*$|(?<![\w.&#])[A-Za-z]\w+(?!\w|:|=&gt;)/gm, (word) =>
      this.#homes.has(word) ? `<a href="#${word}">${word}</a>` : word,
    )
  }
}

const byName = (a, b) => a.name.localeCompare(b.name)

const idOf = (module) => module.replace('/', '-')

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text) => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char])

const STYLE = `
:root { --ground: #fff; --text: #1b1f24; --dim: #5a6572; --line: #d9dee4; --code: #f4f6f8; --link: #0b57b8; --example: #eef6ee }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --text: #e4e8ed; --dim: #9aa5b1; --line: #2f363d; --code: #1d2228; --link: #7db4ff; --example: #18241b }
}
* { box-sizing: border-box }
html { scroll-padding-top: 1rem; overflow-wrap: break-word }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; background: var(--ground); color: var(--text); display: grid; grid-template-columns: 17rem minmax(0, 1fr) }
a { color: var(--link); text-decoration: none }
a:hover, a:focus-visible { text-decoration: underline }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); font-size: .9rem }
nav ul { list-style: none; margin: 0; padding: 0 }
nav ul ul { padding: 0 0 .6rem .8rem }
nav > ul > li { color: var(--dim) }
.title { font-weight: 700; margin: 0 }
.module { font-weight: 600; margin: 1rem 0 .3rem }
main { padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 60rem }
h1 { line-height: 1.2 }
h2 { margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 2px solid var(--line) }
h3 { margin: 2rem 0 .5rem; color: var(--dim) }
h4 { margin: 0 0 .4rem; font-size: 1.15rem }
h4 small { font-weight: 400; color: var(--dim); font-size: .8rem }
section { margin: 0 0 2.2rem; padding-top: .5rem }
section:target h4, dt:target > pre { outline: 2px solid var(--link); outline-offset: 3px }
p { margin: .4rem 0 }
code { font: .88em/1.5 ui-monospace, monospace; background: var(--code); border-radius: 3px; padding: .1em .25em }
pre { margin: .4rem 0; padding: .55rem .75rem; background: var(--code); border-radius: 6px; overflow-x: auto }
pre code { padding: 0; background: none; white-space: pre-wrap }
pre.example { background: var(--example) }
dl { margin: .8rem 0 0; border-left: 3px solid var(--line); padding-left: 1rem }
dt pre { margin: .8rem 0 .2rem }
dd { margin: 0 0 0 .75rem }
.tag { color: var(--dim) }
@media (max-width: 50rem) {
  body { display: block }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line) }
  nav ul ul { columns: 2; padding-left: 0 }
}
`
