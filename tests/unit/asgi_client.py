"""A client of an application, in one process and without a port."""

import asyncio

import httpx


def asked(app, questions, client=("127.0.0.1", 123)):
    """Start an application, and return what `questions`, a coroutine of a client, returns."""

    async def within():
        transport = httpx.ASGITransport(app, client=client)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://here") as asking,
        ):
            return await questions(asking)

    return asyncio.run(within())
