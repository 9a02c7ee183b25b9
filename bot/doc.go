// Package bot is what Bellwether says: announcements, progress, reports. It turns runs into platform-neutral messages and
// delivers them through a Chat, one adapter a platform, so that nothing is lost and nothing is said twice.
package bot
