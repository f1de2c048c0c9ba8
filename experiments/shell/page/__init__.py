"""The page of results: its words, its look (page.css), its behaviour (page.js)."""
