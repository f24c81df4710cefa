import modal

import imagespec

app = modal.App(name="api", image=imagespec.load("spec.yaml"))


@app.function(secrets=[modal.Secret.from_name("api-keys")])
@modal.concurrent(max_inputs=100)
@modal.asgi_app()
def web():
    import os
    from pathlib import Path

    import yaml
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import HTTPBearer
    from fastapi.staticfiles import StaticFiles

    settings = yaml.safe_load(Path("settings.yaml").read_text())
    api = FastAPI(title=settings["title"])
    bearer = HTTPBearer()

    @api.get("/ask")
    async def ask(question: str, token=Depends(bearer)):
        import httpx

        if token.credentials != os.environ["API_KEY"]:
            raise HTTPException(401)
        async with httpx.AsyncClient() as client:
            return (await client.get("https://example.com", params={"q": question})).json()

    api.mount("/", StaticFiles(directory="/assets/static", html=True))
    return api
