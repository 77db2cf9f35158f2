"""The office's console: pages for people at PPS, PPK and KPU, over the same use cases as the lists over HTTP.

It has no private door: a page asks `house.answers` and the like with the viewer who signed in, so areas, masks, budgets
and the read log are those of every other route.
"""

from ecoklit.http.console.entrance import LANGUAGE_ROUTES, SIGN_ROUTES
from ecoklit.http.console.frame import part
from ecoklit.http.console.home import HOME_ROUTES

ROUTES = (part, *SIGN_ROUTES, *LANGUAGE_ROUTES, *HOME_ROUTES)
