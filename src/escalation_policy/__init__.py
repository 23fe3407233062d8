"""May this agent escalate this message to video, and if not, why not and who mends it?"""
