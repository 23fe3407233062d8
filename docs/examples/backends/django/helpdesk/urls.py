"""The addresses."""

from django.urls import path

from . import api, views

urlpatterns = [
    path("", views.show_page),
    path("login", views.log_in),
    path("messages", views.list_messages),
    path("messages/<message_id>/call", views.start_call, name="start_call"),
    path("api/messages", api.Messages.as_view()),
    path("api/messages/<message_id>/call", api.Call.as_view()),
    path("webhook", views.webhook),
]
