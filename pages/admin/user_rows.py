"""The rows of the table of users, as text."""

from pages import figures
from pages.admin.drawn import act_button
from pages.markup import NONE, Markup, ago, join, local_time, meter, tag
from vanilla.accounts.users import Users
from vanilla.models import User


def user_row(user: User) -> Markup:
    """One user, and what can be done."""
    name = tag("a", user.username, href=f"/admin/users/{user.id}", class_="clip")
    switch = "Deactivate" if user.is_active else "Activate"
    buttons = (
        act_button("Edit", "edit", user.id, user.username),
        act_button(switch, "switch", user.id, user.username),
    )
    return tag(
        "tr",
        tag("td", name, class_="whole"),
        tag("td", _limit(user), data_label="Used of the limit"),
        tag("td", figures.count(user.total_tokens), class_="number", data_label="Total tokens"),
        tag("td", local_time(user.created_at, "date"), data_label="Created"),
        tag("td", ago(user.last_active_at), data_label="Last active"),
        tag("td", state_tags(user), data_label="State"),
        tag("td", tag("div", *buttons, class_="line-up"), class_="actions whole"),
    )


def state_tags(user: User) -> Markup:
    """`active` or `switched off`, and `admin`."""
    words, kind = ("active", "ok") if user.is_active else ("switched off", "danger")
    role = tag("span", "admin", class_="tag") if user.is_admin else NONE
    return tag("span", tag("span", words, class_=f"tag {kind}"), role, class_="line-up")


def _limit(user: User) -> Markup:
    used = Users.current_usage(user)
    if user.token_limit is None:
        return tag("div", f"{figures.count(used)}, no limit", class_="figures")
    period = "" if user.limit_period == "total" else f" / {user.limit_period}"
    words = f"{figures.count(used)} of {figures.count(user.token_limit)}{period}"
    part = figures.fraction(used, user.token_limit)
    return join(tag("div", words, class_="figures"), meter(part, f"Used of {user.username}'s limit"))
