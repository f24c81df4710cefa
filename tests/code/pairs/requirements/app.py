import modal

import imagespec

app = modal.App("scraper")
image = imagespec.load("spec.yaml")
results = modal.Dict.from_name("scraped", create_if_missing=True)


@app.function(image=image, retries=3, schedule=modal.Period(hours=6))
def scrape(url: str = "https://example.com"):
    import requests
    from bs4 import BeautifulSoup
    from dateutil import parser as dates
    from lxml import etree

    page = BeautifulSoup(requests.get(url, timeout=10).text, "lxml")
    results[url] = str(dates.parse("2024-01-01")), etree.tostring(etree.Element("a")), page.title
