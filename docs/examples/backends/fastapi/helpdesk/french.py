"""The texts for agents in French."""

from escalation_policy import ESCALATE_TO_VIDEO, Texts

FRENCH = ESCALATE_TO_VIDEO.with_texts(
    {
        code: Texts(agent_text=text)
        for code, text in {
            "domain_linked": "Les appels vidéo ne sont pas encore configurés pour votre entreprise.",
            "agent_enabled": "Votre compte est désactivé.",
            "agent_in_domain": "Une erreur s’est produite : votre compte n’appartient pas à ce domaine.",
            "role_in_domain": "Une erreur s’est produite : votre rôle n’appartient pas à ce domaine.",
            "channel_in_domain": "Une erreur s’est produite : ce canal n’appartient pas à ce domaine.",
            "role_permits": "Votre rôle ne comprend pas les appels vidéo.",
            "extension_linked": "Votre compte n’est relié à aucun compte RingCentral.",
            "extension_in_account": "Votre compte RingCentral n’est pas celui de l’Engage Digital de votre entreprise.",
            "video_access": "Votre compte RingCentral n’a pas accès à RingCentral Video.",
            "ringcentral_sso": "Vous n’êtes pas connecté avec RingCentral.",
            "channel_supported": "Les appels vidéo ne sont pas disponibles sur ce canal.",
            "twitter_private": "Sur Twitter, seuls les messages privés permettent un appel vidéo.",
            "customer_message": "Ce message n’a pas été écrit par le client.",
            "agent_engaged": "Vous n’êtes pas en conversation avec ce client en ce moment.",
            "message_in_intervention": "Ce message n’appartient pas au dossier que vous traitez.",
            "intervention_owned": "Ce dossier ne vous est pas assigné.",
        }.items()
    },
    unchecked="Une condition n’a pas pu être vérifiée.",
)
